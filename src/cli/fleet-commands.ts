import type { Command } from 'commander'
import { addQueueOptions, type QueueWords } from './run-words.js'

const STATUS_EXAMPLES = `Examples:
  drover status --queue redis://host
  drover status --queue redis://host night --json | jq .tasks.waiting
`

const LIMIT_EXAMPLES = `Examples:
  drover limit --queue redis://host --jobs 100          so many at once, on all machines together
  drover limit --queue redis://host --rate 50/s         so many are started in a second
  drover limit --queue redis://host --tag licences --jobs 3    of tasks with that tag
`

/** Adds `drover status` and `drover limit` to the program. */
export function addFleetCommands(program: Command): void {
  const status = program
    .command('status')
    .summary('see the queue of a fleet, and its workers')
    .description('Shows how a queue stands: what waits and runs, and which workers there are.')
    .argument('[RUN]', 'count only the tasks of this run')
    .addHelpText('before', STATUS_EXAMPLES)
  addQueueOptions(status)
    .option('--json', 'as a JSON object')
    .action(async (run: string | undefined, options: QueueWords & { json?: true }) => {
      const { printStatus } = await import('./fleet.js')
      await printStatus(run, options)
    })
  const limit = program
    .command('limit')
    .summary('see and set what holds for a whole fleet')
    .description('Shows or sets how many tasks of a queue run at once, and start in a time, on all machines together.')
    .addHelpText('before', LIMIT_EXAMPLES)
  addQueueOptions(limit)
    .option('--tag <name>', 'of the tasks that were submitted with --queue-tag NAME')
    .option('-j, --jobs <n>', 'so many at once, or none for no limit')
    .option('--rate <n/dur>', 'start so many in this time, as 50/s or 1000/5m, or none for no limit')
    .option('--json', 'as a JSON object')
    .action(async (options: QueueWords & LimitWords) => {
      const { limitQueue } = await import('./fleet.js')
      await limitQueue(options)
    })
}

export interface LimitWords {
  readonly tag?: string
  readonly jobs?: string
  readonly rate?: string
  readonly json?: true
}
