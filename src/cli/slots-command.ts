import type { Command } from 'commander'
import { OptionError } from '../task/errors.js'
import { mostSimilar } from '../task/similar.js'
import type { Text } from '../task/task.js'
import type { Ending } from './exit.js'
import { parseCount, parseDuration } from './values.js'

const EXAMPLES = `Examples:
  drover slots set downloads 3            three at once, whoever uses that name
  drover run --slots downloads wget -q < urls.txt
  drover slots run downloads wget -q https://example.org/    waits for one of them
  drover slots                            who holds one, and who waits
`

const NOTES = `
All drovers of this user that give the same name share its slots. A slot is free as
soon as the last process of whoever held it is gone, however it ended.

Exit status: that of the command, with run, or 75 when it had to wait longer than
--timeout; 102 drover could not go on; 255 a mistake in the call.`

/** Adds `drover slots` to the program. */
export function addSlotsCommand(
  program: Command,
  exact: (words: readonly string[]) => readonly Text[],
  end: (ending: Ending) => void,
): void {
  const command = program
    .command('slots')
    .summary('see, set and use limits that are shared by all runs')
    .description('Shows the named slots: how many there are, who holds one, and who waits.')
    .enablePositionalOptions()
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run "drover slots --help" for examples and options.')
    .option('--json', 'as a JSON array')
    .allowExcessArguments()
    .action(async ({ json }: { json?: true }) => {
      const [word] = command.args
      if (word !== undefined) refuse(command, word)
      const { listSlots } = await import('./slots.js')
      listSlots(json === true)
    })
  command
    .command('set')
    .summary('say how many slots of a name there are')
    .description('Says how many slots of a name there are, for all who use it, at once. 0 lets nothing start.')
    .argument('<NAME>')
    .argument('<N>')
    .action(async (name: string, count: string) => {
      const { setSlots } = await import('../slots/named/read-slots.js')
      setSlots(name, parseCount('N', count, 0))
    })
  command
    .command('rm')
    .summary('forget a name that nobody uses')
    .description('Forgets a name and how many slots it has, unless somebody holds one or waits for one.')
    .argument('<NAME>')
    .action(async (name: string) => {
      const { removeSlots } = await import('../slots/named/read-slots.js')
      removeSlots(name)
    })
  command
    .command('run')
    .summary('run a command when a slot is free')
    .description('Waits for a slot, and runs a command on it with this standard input, output and error.')
    .usage('[options] NAME [--] COMMAND…')
    .argument('<NAME>')
    .argument('<COMMAND...>', 'one word is a line for the shell, several are a program and its arguments')
    .option('--timeout <dur>', 'give up after waiting so long')
    .passThroughOptions()
    .action(async (name: string, words: string[], { timeout }: { timeout?: string }) => {
      const waitMs = timeout === undefined ? 0 : parseDuration('--timeout', timeout)
      if (timeout !== undefined && waitMs === 0)
        throw new OptionError('--timeout: expected more than 0; leave it out to wait as long as it takes')
      const { runOnSlot } = await import('./slots.js')
      end(await runOnSlot(name, exact(words[0] === '--' ? words.slice(1) : words), waitMs))
    })
}

/** Since the command does something by itself, what is no command below it would be one argument too many. */
function refuse(command: Command, word: string): never {
  const meant = mostSimilar(
    word,
    command.commands.map((each) => each.name()),
  )
  const question = meant === null ? '' : `\n(Did you mean ${meant}?)`
  return command.error(`error: unknown command '${word}'${question}`, { code: 'commander.unknownCommand' })
}
