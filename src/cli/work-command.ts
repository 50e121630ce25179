import type { Command } from 'commander'
import { ChoiceOption } from './choice-option.js'
import type { Ending } from './exit.js'
import { addJobOptions, addQueueOptions, addTaskOptions, collect, type QueueWords, type RunWords } from './run-words.js'
import { COLOR_WORDS } from './values.js'

const EXAMPLES = `Examples:
  drover work --queue redis://host -j 8
  DROVER_QUEUE=rediss://user:secret@host drover work --timeout 1h --max-memory 2G
  drover work --queue redis://host --key fleet.pub --dashboard 3000
  drover work --queue-file /etc/drover/queue --allow pngcrush --allow gzip --outputs /mnt/outputs
`

const NOTES = `
TERM, INT and HUP: takes nothing more, finishes what runs, and ends; a second one ends
what runs, and hands it back to the queue. USR1 and USR2: one job more, one less.

Exit status: 0 ended by a signal, all handed over; 102 drover could not go on; 255 a
mistake in the call.`

export interface WorkWords extends QueueWords, RunWords {
  readonly name?: string
  readonly allow?: string[]
  readonly passEnv?: string[]
  readonly outputs?: string
  readonly keepOutputs?: string
  readonly keepResults?: string
  readonly lock?: string
  readonly maxLost?: string
  readonly key?: string[]
  readonly dashboard?: string
  readonly dashboardToken?: string
}

/** Adds `drover work` to the program. */
export function addWorkCommand(program: Command, end: (ending: Ending) => void): void {
  const command = program
    .command('work')
    .summary('run the commands of a queue on this machine')
    .description('Takes tasks from a queue, and runs them on this machine until it is ended.')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
  addJobOptions(addQueueOptions(command).optionsGroup('How tasks run:'))
  addTaskOptions(command)
    .optionsGroup('What tasks may do:')
    .option('--key <file>', 'run only tasks that were signed with this key; may be given several times', collect)
    .option('--allow <program>', 'run only this program; may be given several times', collect)
    .option('--pass-env <name>', 'a variable that tasks get of this environment, * for any letters (none)', collect)
    .optionsGroup('What is kept:')
    .option('--max-output <size>', 'so much of each stream in a result, which is in the memory of the queue (16KiB)')
    .option('--outputs <dir>', 'the whole output of tasks that print more, or none (~/.local/state/drover/outputs)')
    .option('--keep-outputs <dur>', 'for so long (7d)')
    .option('--keep-results <dur>', 'keep results in the queue for so long (7d)')
    .optionsGroup('In the fleet:')
    .option('--name <name>', "what others see of this worker (the host's name and the process's id)")
    .option('--lock <dur>', 'after so long without word of this worker its tasks run elsewhere (30s)')
    .option('--max-lost <n>', 'give a task up that has lost its worker more often (10)')
    .option('--dashboard <[host:]port>', 'serve pages and metrics there; on this machine only where no host is named')
    .option('--dashboard-token <file>', 'a file with the token that they ask for')
    .option('--quiet', 'say nothing on stderr but errors in the call')
    .option('--verbose', 'say on stderr how each task ended')
    .addOption(new ChoiceOption('--color <when>', 'color messages: auto, always or never (auto)', COLOR_WORDS))
    .action(async (options: WorkWords) => {
      const { runWorker } = await import('./work.js')
      end(await runWorker(options))
    })
}
