import { CommanderError } from 'commander'
import { printable } from '../output/printable.js'
import { DroverError, InputError, OptionError, TemplateError } from '../task/errors.js'
import type { Text } from '../task/task.js'
import { exactArguments, splitAtItems } from './arguments.js'
import { DroverCommand } from './command.js'
import { addCompatCommands } from './compat-commands.js'
import { addCompletionCommand } from './completion-command.js'
import { type Ending, STATUS_CANNOT_GO_ON, STATUS_MISTAKE } from './exit.js'
import { addFleetCommands } from './fleet-commands.js'
import { leaveTerminals } from './leave-terminals.js'
import { addPoolCommand } from './pool-command.js'
import { printErr, printOut } from './print.js'
import { addReportCommand } from './report-command.js'
import { addResultsCommand } from './results-command.js'
import { addRunCommand } from './run-command.js'
import { dieOf } from './signals.js'
import { addSlotsCommand } from './slots-command.js'
import { addSteeringCommands } from './steering-commands.js'
import { addSubmitCommand } from './submit-command.js'
import { version } from './version.js'
import { addWorkCommand } from './work-command.js'

const { before, groups } = splitAtItems(exactArguments(process.argv.slice(2)))

/** The last words of the command line, as the bytes they were. */
function exact(words: readonly string[]): readonly Text[] {
  return words.length === 0 ? [] : before.slice(-words.length)
}

async function main(): Promise<Ending> {
  let ending: Ending = { status: 0 }
  const program = new DroverCommand('drover')
    .description('Runs very many processes, fast, and never loses a result, hangs or leaks a process.')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: printOut,
      writeErr: printErr,
      outputError: (message, write) => write(`drover: ${message.replace(/^error: /, '')}`),
    })
    .showHelpAfterError('Run "drover --help" for the commands.')
    .version(version(), '-V, --version', 'print the version')
  const end = (given: Ending) => {
    ending = given
  }
  addRunCommand(program, exact, groups, end)
  addPoolCommand(program, exact, end)
  addResultsCommand(program, end)
  addReportCommand(program, end)
  addSlotsCommand(program, exact, end)
  addSteeringCommands(program, end)
  addSubmitCommand(program, exact, groups, end)
  addWorkCommand(program, end)
  addFleetCommands(program)
  addCompatCommands(program, end)
  program
    .command('doctor')
    .summary('show what this machine offers and what drover will use')
    .description('Shows what this machine offers and what drover will use.')
    .option('--json', 'as a JSON object')
    .action(async ({ json }: { json?: true }) => {
      const { diagnose, diagnosisText } = await import('./doctor.js')
      const diagnosis = diagnose()
      printOut(json === true ? `${JSON.stringify(diagnosis)}\n` : diagnosisText(diagnosis))
    })
  addCompletionCommand(program)
  const words = before.map((word) => (typeof word === 'string' ? word : Buffer.from(word as Uint8Array).toString()))
  if (words[0] === 'help') program.checkHelpOf(words[1])
  await program.parseAsync(words, { from: 'user' })
  return ending
}

/** Who is steered is not there. */
const MISTAKES: ReadonlySet<unknown> = new Set(['ERR_DROVER_NO_RUN', 'ERR_DROVER_NO_TASK', 'ERR_DROVER_AMBIGUOUS'])

/** What an error that ended everything means for the exit status, said on stderr. */
function endingOf(error: unknown): Ending {
  // commander has said what was wrong by itself.
  if (error instanceof CommanderError) return { status: error.exitCode === 0 ? 0 : STATUS_MISTAKE }
  const isMistake =
    error instanceof InputError ||
    error instanceof OptionError ||
    error instanceof TemplateError ||
    MISTAKES.has((error as DroverError).code)
  const message =
    error instanceof DroverError
      ? error.message
      : `cannot go on: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  printErr(`drover: ${printable(message)}\n`)
  return { status: isMistake ? STATUS_MISTAKE : STATUS_CANNOT_GO_ON }
}

/** Not awaited at the top of the module, which is bundled to a form that starts faster and has no such thing. */
void main()
  .catch(endingOf)
  .then((ending) => {
    if ('signal' in ending) dieOf(ending.signal)
    // As the last one who does something then: others give their terminal back.
    process.on('exit', leaveTerminals)
    process.exit(ending.status)
  })
