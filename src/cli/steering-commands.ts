import type { Command } from 'commander'
import type { Ending } from './exit.js'
import { addQueueOptions, type QueueWords } from './run-words.js'

const RUN = 'RUN is the id that drover ps shows, the beginning of it, or the pid of the drover.'
const TASK = 'TASK is its id, or its number as drover ps --tasks shows it.'

const EXAMPLES = `Examples:
  drover ps --tasks                what goes on, and which tasks run
  drover tail 4711 17              what task 17 of the drover with pid 4711 prints
  drover cancel 4711 17            end that task
  drover jobs 4711 2               two at once from now on
`

const CANCEL_EXAMPLES = `Examples:
  drover cancel 4711                                    the run of the drover with this pid
  drover cancel 4711 17                                 its task 17
  drover cancel --queue redis://host night              a run in a queue, wherever its tasks run
  drover cancel --queue redis://host night/report-17    one task of it, by its id or key
`

/** Adds the commands that look at and steer what goes on. */
export function addSteeringCommands(program: Command, end: (ending: Ending) => void): void {
  program
    .command('ps')
    .summary('see the runs, pools and daemons that go on')
    .description('Shows all that goes on for this user: runs, pools, daemons.')
    .addHelpText('before', EXAMPLES)
    .option('-t, --tasks', 'the tasks that run as well')
    .option('--json', 'as a JSON array')
    .action(async ({ tasks, json }: { tasks?: true; json?: true }) => {
      const { printRuns } = await import('./steering.js')
      await printRuns({ tasks: tasks === true, json: json === true })
    })
  program
    .command('tail')
    .summary('follow what a running task prints')
    .description(`Prints what a running task prints, from what is still kept of it until it ends. ${RUN} ${TASK}`)
    .argument('<RUN>')
    .argument('<TASK>')
    .option('--json', 'as JSON lines: the stream, and the bytes in base64')
    .action(async (run: string, task: string, { json }: { json?: true }) => {
      const { tailTask } = await import('./steering.js')
      end(await tailTask(run, task, json === true))
    })
  const cancel = program
    .command('cancel')
    .summary('end a run, or one task of it')
    .description(
      `Ends one task with all that it has started, or, without TASK, the run as SIGTERM does. ${RUN} ${TASK} With --queue both are those of a queue, and the task ends on whichever machine it runs.`,
    )
    .addHelpText('before', CANCEL_EXAMPLES)
    .argument('<RUN>')
    .argument('[TASK]')
  addQueueOptions(cancel).action(async (run: string, task: string | undefined, queue: QueueWords) => {
    if (queue.queue !== undefined || queue.queueFile !== undefined) {
      const { cancelTasks } = await import('./fleet.js')
      return cancelTasks(task === undefined ? run : `${run}/${task}`, queue)
    }
    const { findRun } = await import('../control/find-runs.js')
    const found = await findRun(run)
    if (task === undefined) await found.cancel()
    else await found.cancelTask(task)
  })
  program
    .command('pause')
    .summary('let a run start nothing more')
    .description(`Lets a run start nothing more until drover resume; what runs goes on. ${RUN}`)
    .argument('<RUN>')
    .action(async (run: string) => {
      const { findRun } = await import('../control/find-runs.js')
      await (await findRun(run)).pause()
    })
  program
    .command('resume')
    .summary('let a paused run go on')
    .description(`Lets a run that was paused start tasks again. ${RUN}`)
    .argument('<RUN>')
    .action(async (run: string) => {
      const { findRun } = await import('../control/find-runs.js')
      await (await findRun(run)).resume()
    })
  program
    .command('jobs')
    .summary('change how many tasks of a run go at once')
    .description(
      `Changes how many go at once: a number, 50%, +2, -1, as --jobs has it. Fewer than run end none. ${RUN}`,
    )
    .argument('<RUN>')
    .argument('<N>')
    .action(async (run: string, count: string) => {
      const { setJobs } = await import('./steering.js')
      await setJobs(run, count)
    })
}
