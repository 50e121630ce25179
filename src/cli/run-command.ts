import type { Command } from 'commander'
import { usableCpus } from '../slots/usable-cpus.js'
import { OptionError } from '../task/errors.js'
import type { Text } from '../task/task.js'
import { parseListenAddress } from '../web/listen-address.js'
import type { ArgumentGroup } from './arguments.js'
import type { Ending } from './exit.js'
import { type PipeOptions, pipeOptions } from './pipe-options.js'
import type { QueueRequest } from './queue-options.js'
import { type RunRequest, runTasks } from './run.js'
import {
  dispatchOptions,
  itemOptions,
  journalRequest,
  printingOptions,
  progressOf,
  tellOfTyping,
} from './run-options.js'
import { addQueuedOptions, addRunOptions, type QueuedWords, type RunWords } from './run-words.js'
import { noInput, standardInput, standardInputFile, wholeStandardInput } from './standard-input.js'
import { parseColor } from './values.js'

const EXAMPLES = `Examples:
  drover run gzip -9 ::: *.log                     once for each file
  find . -name '*.png' -print0 | drover run -0 -j 4 pngcrush -q {} {.}.min.png
  drover run -k 'grep -c {1} {2}' ::: cat dog ::: *.txt    every combination
  drover run --tasks jobs.jsonl --json --retries 2 --timeout 5m
  drover run --pipe --block 10M wc -l < big.log            blocks of a stream
  drover run --tasks users.csv 'createuser --name {name} {mail}'
  drover run --queue redis://host --tasks jobs.jsonl --json    on the machines where drover work runs
`

const PLACEHOLDERS = `
In COMMAND, {} is the item, {.} without extension, {/} its basename, {//} its
dirname, {/.} its basename without extension, {#} the task's number, {%} the
slot's, {1} {2.} columns or groups, {name} a column of a CSV file. Without any,
the item is appended.

One word is a line for the shell, in which all that is filled in is quoted.
Several words are a program and its arguments, run without a shell. Without
COMMAND, each item is itself a line for the shell.

Exit status: 0 all well; 1 to 100 so many failed; 101 more than 100; 102 drover
could not go on; 255 a mistake in the call or the input, nothing was started.`

/** Adds `drover run` to the program. */
export function addRunCommand(
  program: Command,
  exact: (words: readonly string[]) => readonly Text[],
  groups: readonly ArgumentGroup[],
  end: (ending: Ending) => void,
): void {
  const command = program
    .command('run')
    .summary('run many commands at once')
    .description('Runs a command for each item or task, many at once, and prints what they print.')
    .usage('[options] [COMMAND…] [::: ITEM…]')
    .argument('[COMMAND...]', 'what to run')
    .passThroughOptions()
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', PLACEHOLDERS)
    .showHelpAfterError('Run "drover run --help" for examples and options.')
  addQueuedOptions(addRunOptions(command)).action(async (words: string[], options: QueuedWords) => {
    const request = requestOf(exact(words), groups, options, await queueOf(options))
    const what = options.tasks === '-' ? 'tasks' : words.length === 0 ? 'commands' : 'items'
    tellOfTyping(options, groups.length === 0 && readsStdin(options), what)
    end(await runTasks(request))
  })
}

/** The queue of a call that has one. */
async function queueOf(options: QueuedWords): Promise<QueueRequest | null> {
  if (options.queue === undefined && options.queueFile === undefined) {
    const needless = (['run', 'key', 'lifetime', 'queueTag'] as const).find((name) => options[name] !== undefined)
    if (needless !== undefined)
      throw new OptionError(
        `--${needless === 'queueTag' ? 'queue-tag' : needless} is for tasks in a queue; name one with --queue`,
      )
    return null
  }
  const { queueRequest } = await import('./queue-options.js')
  return queueRequest(options, 'cancel')
}

/** What `drover run` is asked for, and `drover submit --wait`. */
export function requestOf(
  command: readonly Text[],
  groups: readonly ArgumentGroup[],
  options: RunWords,
  queue: QueueRequest | null,
): RunRequest {
  const printing = printingOptions(options)
  const { isTTY = false } = process.stderr
  const dispatch = queue === null ? dispatchOptions(options, printing) : queue.dispatch(printing)
  const blocks = pipeOptions(options, groups.length > 0, dispatch.concurrency ?? usableCpus())
  if (blocks !== null && queue !== null)
    throw new OptionError(
      `${options.pipe === true ? '--pipe' : '--pipe-part'} feeds tasks on this machine; leave the queue out`,
    )
  return {
    input:
      blocks === null
        ? {
            command,
            ...itemOptions(options),
            ...(groups.length > 0 && { groups }),
            // Not even opened when the items are given: that takes longer than the rest of the call.
            stdin: groups.length > 0 ? noInput() : standardInput(),
          }
        : {
            blocks: {
              command,
              ...blocks,
              ...blockSource(
                blocks,
                dispatch.keys === true || options.journal !== undefined || options.results !== undefined,
                () => widenInput(dispatch),
              ),
            },
          },
    dispatch,
    queue,
    report: options.report === undefined ? null : parseListenAddress('--report', options.report),
    journal: journalRequest(options, ['drover', ...process.argv.slice(2)]),
    printing,
    progress: progressOf(options, printing, groups.length === 0 && readsStdin(options)),
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    color: parseColor(options.color ?? 'auto', isTTY),
    jobsFile: options.jobsFile ?? null,
    dryRun: options.dryRun === true,
  }
}

function readsStdin({ tasks, argFile }: RunWords): boolean {
  return tasks === undefined ? (argFile?.includes('-') ?? true) : tasks === '-'
}

/**
 * Where blocks are read from. A file as standard input is read by the tasks, as any other file is.
 *
 * @param keys - whether a block is to be known by what is in it, and not by its place.
 * @param onMuch - see {@link PipeInput.onMuch}.
 */
function blockSource(blocks: PipeOptions, keys: boolean, onMuch: () => void) {
  if (blocks.file !== undefined) return { stdin: noInput() }
  const file = keys || blocks.roundRobin !== undefined ? null : standardInputFile()
  return file === null ? { stdin: wholeStandardInput(onMuch) } : { stdin: noInput(), file }
}

function widenInput({ launcher }: RunRequest['dispatch']): void {
  if (typeof launcher === 'object') launcher.widenInput?.()
}
