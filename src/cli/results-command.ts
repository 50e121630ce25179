import { isatty } from 'node:tty'
import type { Command } from 'commander'
import { checkOneOf } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import { RESULT_STATES, type ResultState } from '../task/result.js'
import { ChoiceOption } from './choice-option.js'
import type { Ending } from './exit.js'
import type { ResultsRequest } from './results.js'
import { COLOR_WORDS, parseColor, parseCount } from './values.js'

/** Options of `drover results` as commander gives them: words, and true for flags. */
interface ResultsWords {
  readonly state?: string[]
  readonly id?: string[]
  readonly slowest?: string
  readonly all?: true
  readonly attempts?: true
  readonly json?: true
  readonly csv?: true
  readonly color?: string
}

const EXAMPLES = `Examples:
  drover results night.jsonl                        what became of each task
  drover results night.jsonl --state failed,timed-out
  drover results night.jsonl --slowest 10
  drover results night.jsonl --id a.png --all --attempts   all that became of one
  drover results night.jsonl --csv > night.csv
  drover results night.jsonl --state failed --json | jq -r .stderr
`

const NOTES = `
JOURNAL is a file that drover run --journal or --json has written. It may still
be being written. States: ${RESULT_STATES.slice(0, 5).join(', ')},
${RESULT_STATES.slice(5).join(', ')}.

Exit status: 0 also when nothing matched; 102 drover could not go on; 255 a
mistake in the call, or the file is no journal.`

/** Adds `drover results` to the program. */
export function addResultsCommand(program: Command, end: (ending: Ending) => void): void {
  const collect = (value: string, before: string[] = []) => [...before, value]
  program
    .command('results')
    .summary('read the results in a journal')
    .description('Reads the results in a journal: the newest final one of each task.')
    .usage('[options] JOURNAL')
    .argument('<JOURNAL>', 'a file of results')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run "drover results --help" for examples and options.')
    .optionsGroup('Which results:')
    .addOption(
      new ChoiceOption(
        '--state <states>',
        'only those in these states, as in failed,timed-out',
        RESULT_STATES,
      ).argParser(collect),
    )
    .option('--id <id>', 'only the task with this id; may be given several times', collect)
    .option('--slowest <n>', 'only so many, those that took longest, the slowest first')
    .option('--all', 'every final result of every run, not only the newest of each task')
    .option('--attempts', 'also tries that were followed by another')
    .optionsGroup('What is printed:')
    .option('--json', 'the results, a JSON object a line')
    .option('--csv', 'rows for a spreadsheet')
    .addOption(new ChoiceOption('--color <when>', 'color states: auto, always or never (auto)', COLOR_WORDS))
    .action(async (path: string, words: ResultsWords) => {
      const request = requestOf(path, words)
      const { printResults } = await import('./results.js')
      end(await printResults(request))
    })
}

function requestOf(path: string, words: ResultsWords): ResultsRequest {
  if (words.json === true && words.csv === true)
    throw new OptionError('--json and --csv exclude each other; give one of them')
  return {
    path,
    options: {
      states: words.state?.flatMap((list) => list.split(',').map((word) => stateOf(word.trim()))),
      ids: words.id,
      slowest: words.slowest === undefined ? undefined : parseCount('--slowest', words.slowest, 1),
      all: words.all === true,
      attempts: words.attempts === true,
    },
    form: words.json === true ? 'json' : words.csv === true ? 'csv' : 'table',
    color: parseColor(words.color ?? 'auto', isatty(1)),
  }
}

function stateOf(word: string): ResultState {
  return checkOneOf('--state', word as ResultState, RESULT_STATES)
}
