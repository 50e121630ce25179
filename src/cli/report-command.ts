import type { Command } from 'commander'
import { OptionError } from '../task/errors.js'
import type { Ending } from './exit.js'

/** Options of `drover report` as commander gives them. */
interface ReportWords {
  readonly output?: string
  readonly trace?: true
  readonly quiet?: true
}

const EXAMPLES = `Examples:
  drover report night.jsonl                   writes night.html, for any browser
  drover report night.jsonl -o /srv/www/night.html
  drover report night.jsonl --trace           writes night.trace.json, for ui.perfetto.dev
  drover run --report 8080 --tasks jobs.jsonl     the same page while a run goes on
`

const NOTES = `
JOURNAL is a file that drover run --journal or --json has written. It may still
be being written. The report needs nothing else, not even a network; it holds
commands and the ends of outputs of what failed, so only you can read it.

Exit status: 0; 102 drover could not go on; 255 a mistake in the call, or the
file is no journal.`

/** Adds `drover report` to the program. */
export function addReportCommand(program: Command, end: (ending: Ending) => void): void {
  program
    .command('report')
    .summary('make a page that shows what happened in a run')
    .description('Makes a page that shows what happened when, how long it took, and what failed.')
    .usage('[options] JOURNAL')
    .argument('<JOURNAL>', 'a file of results')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run "drover report --help" for examples and options.')
    .option('-o, --output <file>', 'where it goes; what is there is replaced; - is stdout (beside JOURNAL, as .html)')
    .option('--trace', 'Chrome trace events, for Perfetto or Chromium, in place of a page')
    .option('--quiet', 'do not say where it is')
    .action(async (journal: string, words: ReportWords) => {
      if (words.output === '') throw new OptionError('--output: expected a file, or - for stdout')
      const { printReport } = await import('./report.js')
      const form = words.trace === true ? 'trace' : 'html'
      end(await printReport({ journal, output: words.output ?? null, form, quiet: words.quiet === true }))
    })
}
