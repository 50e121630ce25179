import type { Command } from 'commander'
import { ChoiceOption } from './choice-option.js'
import { addSharingOptions, type SharingWords } from './sharing-words.js'
import { COLOR_WORDS } from './values.js'

/** Options of `drover run` as commander gives them: words, and true for flags. */
export interface RunWords extends SharingWords {
  readonly jobs?: string
  readonly jobsFile?: string
  readonly keepOrder?: true
  readonly tag?: true
  readonly lineBuffer?: true
  readonly ungroup?: true
  readonly json?: true
  readonly jsonArray?: true
  readonly timeout?: string
  readonly totalTimeout?: string
  readonly retries?: string
  readonly backoff?: string
  readonly delay?: string
  readonly killGrace?: string
  readonly halt?: string
  readonly leftovers?: string
  readonly journal?: string
  readonly report?: string
  readonly results?: string
  readonly resume?: true
  readonly retryFailed?: true
  readonly acceptChanges?: true
  readonly fsync?: string
  readonly maxOutput?: string
  readonly tmpdir?: string
  readonly tasks?: string
  readonly argFile?: string[]
  readonly null?: true
  readonly delimiter?: string
  readonly colsep?: string
  readonly maxArgs?: string
  readonly replace?: string
  readonly shell?: true
  readonly strict?: true
  readonly pipe?: true
  readonly pipePart?: true
  readonly block?: string
  readonly records?: string
  readonly recend?: string
  readonly recstart?: string
  readonly header?: string
  readonly roundRobin?: true
  readonly maxLine?: string
  readonly progress?: boolean
  readonly quiet?: true
  readonly verbose?: true
  readonly dryRun?: true
  readonly color?: string
  readonly launcher?: string
  readonly hosts?: string[]
  readonly hostsFile?: string
  readonly workdir?: string
  readonly env?: string[]
  readonly transfer?: string[]
  readonly return?: string[]
  readonly cleanup?: true
}

/** For an option that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}

/** Where the queue is, for the commands that use one. */
export interface QueueWords {
  readonly queue?: string
  readonly queueFile?: string
}

/** Options of commands whose tasks may go to a queue. */
export interface QueuedWords extends RunWords, QueueWords {
  readonly run?: string
  readonly key?: string[]
  readonly lifetime?: string
  readonly queueTag?: string
}

/** Adds the options that say where the queue is. */
export function addQueueOptions(command: Command): Command {
  return command
    .option(
      '--queue <url>',
      'the queue: redis://HOST, postgres://USER@HOST/DB, …?queue=NAME; - is $DROVER_QUEUE, private a server of your own here',
    )
    .option('--queue-file <file>', 'a file with that address on its first line, as when it has a password')
}

/** Adds the options of a run in a queue. */
export function addQueuedOptions(command: Command): Command {
  return addQueueOptions(command.optionsGroup('On many machines:'))
    .option('--run <name>', "the run's name in the queue: the same tasks under the same name are there once")
    .option('--queue-tag <name>', 'the limits of this name hold for these tasks, see drover limit')
    .option('--key <file>', 'sign the tasks with this key; may be given several times', collect)
    .option('--lifetime <dur>', 'they may be started for so long after that (7d)')
}

/** Adds the options of `drover run` to a command, in the groups in which its help shows them. */
export function addRunOptions(command: Command): Command {
  addSourceOptions(command)
  addJobOptions(command.optionsGroup('How they run:'))
  command
    .option('--total-timeout <dur>', 'end the whole run after this time')
    .option('--halt <when>', 'never, or now or soon with fail, success or done: now,fail=1, soon,fail=20%')
  addTaskOptions(command)
  addHostOptions(command)
  return addPrintingOptions(command)
}

function addHostOptions(command: Command): Command {
  return command
    .optionsGroup('On other machines, through ssh:')
    .option('--hosts <list>', 'run on these: a,user@b:4 with 4 at once on b; : is this machine', collect)
    .option('--hosts-file <file>', 'the same, one host a line')
    .option('--workdir <dir>', 'the folder there, relative to the home (the same as here)')
    .option('--env <name>', 'pass on a variable of the environment; may be given several times', collect)
    .option('--transfer <file>', 'copy a file there before each task, as {}; may be given several times', collect)
    .option('--return <file>', 'copy a file back after each task, as {.}.png; may be given several times', collect)
    .option('--cleanup', 'remove both there in the end')
}

function addSourceOptions(command: Command): Command {
  return command
    .optionsGroup('Where the tasks come from:')
    .option('--tasks <file>', 'tasks: a JSON array, JSON lines, or rows of a .csv or .tsv; - is stdin')
    .option('-a, --arg-file <file>', 'items from the lines of a file; may be given several times; - is stdin', collect)
    .option('-0, --null', 'items end with NUL, as find -print0 writes them')
    .option('-d, --delimiter <c>', 'items end with this character')
    .option('--colsep <regexp>', 'split items into columns {1}, {2}, …')
    .option('-n, --max-args <n>', 'give so many items to each command')
    .option('-I, --replace <str>', 'use this in place of {}')
    .option('--shell', 'join the words of COMMAND into a line for the shell')
    .option('--strict', 'stop at the first bad line of a stream')
    .option('--max-line <size>', 'a longer line is bad (64MiB)')
    .optionsGroup('A stream cut into blocks, each the standard input of a task:')
    .option('--pipe', 'cut stdin into blocks of whole records')
    .option('--pipe-part', 'cut the file of -a, which its tasks read at once')
    .option('--block <size>', 'how long a block may be (1MiB)')
    .option('-N, --records <n>', 'so many records in each block, in place of a size')
    .option('--recend <str>', 'what ends a record (\\n)')
    .option('--recstart <str>', 'what a record begins with')
    .option('--header <lines>', 'repeat so many lines of the beginning in front of each block; : is 1')
    .option('--round-robin', 'one task for each job, which takes block after block')
}

/** Adds the options that say how many tasks run at once. */
export function addJobOptions(command: Command): Command {
  return command
    .option('-j, --jobs <n>', 'how many at once: a number, 50%, +2, -1 (the CPUs there are)')
    .option('--jobs-file <file>', 'read how many from a file, and again whenever it is changed')
}

/** Adds the options that say how each task runs, and when it may start. */
export function addTaskOptions(command: Command): Command {
  command
    .option('--timeout <dur>', 'end a task that takes longer, as in 500ms, 2s, 5m, 1h')
    .option('--retries <n>', 'try a task that did not succeed again, so often (0)')
    .option('--backoff <dur>', 'wait before a retry; doubles each time, with jitter (1s)')
    .option('--delay <dur>', 'wait between two starts (0s)')
    .option('--kill-grace <dur>', 'time between TERM and KILL (5s)')
    .addOption(
      new ChoiceOption('--leftovers <what>', 'kill, keep or wait for processes that a task leaves behind (kill)', [
        'kill',
        'keep',
        'wait',
      ]),
    )
    .addOption(
      new ChoiceOption('--launcher <name>', 'what starts the processes: auto, native or node (auto)', [
        'auto',
        'native',
        'node',
      ]),
    )
  return addSharingOptions(command, ['tasks', 'task'])
}

function addPrintingOptions(command: Command): Command {
  return command
    .optionsGroup('What is kept:')
    .option('--journal <file>', 'append each result to it the moment it is known')
    .option('--results <dir>', 'write the output of each task to files in it, and print none')
    .option('--resume', 'run only what has no conclusive result in the journal')
    .option('--retry-failed', 'run all that has not succeeded in the journal')
    .option('--accept-changes', 'run a task again whose id has another command in the journal')
    .addOption(
      new ChoiceOption(
        '--fsync <when>',
        'force the journal to the disk: always, interval (once a second) or never (interval)',
        ['always', 'interval', 'never'],
      ),
    )
    .option('--report <[host:]port>', 'serve a page that shows the run while it goes on; 0 is any free port')
    .optionsGroup('What is printed:')
    .option('-k, --keep-order', 'output in the order of the input')
    .option('--tag', 'put the item and a tab in front of each line')
    .option('--line-buffer', 'print whole lines as they come')
    .option('--ungroup', 'let tasks print by themselves, all at once')
    .option('--json', 'print results, a JSON object a line, in place of output')
    .option('--json-array', 'print results as one JSON array')
    .option('--max-output <size>', 'keep so much of each stream in a result (16MiB)')
    .option('--tmpdir <dir>', 'where output waits that outgrows memory')
    .option('--progress', 'show on stderr how far it is (on when it is a terminal)')
    .option('--no-progress', 'show nothing of that')
    .option('--quiet', 'say nothing on stderr but errors in the call')
    .option('--verbose', 'say on stderr what is started and how it ended')
    .option('--dry-run', 'print the commands and start nothing')
    .addOption(new ChoiceOption('--color <when>', 'color messages: auto, always or never (auto)', COLOR_WORDS))
}
