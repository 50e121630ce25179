import type { Command } from 'commander'
import type { Text } from '../task/task.js'
import type { ArgumentGroup } from './arguments.js'
import type { Ending } from './exit.js'
import { runTasks } from './run.js'
import { requestOf } from './run-command.js'
import { addQueuedOptions, addRunOptions, type QueuedWords } from './run-words.js'

const EXAMPLES = `Examples:
  drover submit --queue redis://host gzip -9 ::: *.log            returns when all are in the queue
  drover submit --queue redis://host --tasks jobs.jsonl --run night
  drover submit --queue redis://host --tasks jobs.jsonl --run night --wait --json   waits for those results
`

const NOTES = `
Tasks, items and COMMAND are those of drover run. Without --wait it prints the run's
name. With --wait it prints what drover run prints, and hands over up to 10,000 tasks
(-j) ahead of the results; ended by a signal, it leaves what is in the queue there.

Exit status: as of drover run; without --wait so many tasks as were invalid.`

/** Adds `drover submit` to the program. */
export function addSubmitCommand(
  program: Command,
  exact: (words: readonly string[]) => readonly Text[],
  groups: readonly ArgumentGroup[],
  end: (ending: Ending) => void,
): void {
  const command = program
    .command('submit')
    .summary('put commands into a queue, for many machines')
    .description('Puts a command for each item or task into a queue, for the machines where drover work runs.')
    .usage('[options] [COMMAND…] [::: ITEM…]')
    .argument('[COMMAND...]', 'what to run')
    .passThroughOptions()
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
  addQueuedOptions(addRunOptions(command))
    .option('--wait', 'wait for the results and print them')
    .action(async (words: string[], options: QueuedWords & { wait?: true }) => {
      const { queueRequest } = await import('./queue-options.js')
      const queue = queueRequest(options, 'leave')
      const request = requestOf(exact(words), groups, options, queue)
      if (options.wait === true || request.dryRun) return end(await runTasks(request))
      const { submitTasks } = await import('./submit.js')
      end(await submitTasks(request, queue, options))
    })
}
