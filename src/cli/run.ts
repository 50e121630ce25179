import { type DispatchSourceOptions, dispatch } from '../dispatch/dispatch.js'
import type { StartInfo, TaskOutput } from '../dispatch/dispatch-options.js'
import type { QueueRunner } from '../fleet/queue-runner.js'
import type { BlockInput, BlockRequest } from '../input/blocks/open-blocks.js'
import { type InputRequest, openInput, type TaskInput, withSlot } from '../input/input.js'
import type { Journal } from '../journal/journal.js'
import type { LiveReport } from '../report/live/live-options.js'
import type { Result } from '../task/result.js'
import { describeCommand, type Task } from '../task/task.js'
import type { ListenAddress } from '../web/listen-address.js'
import { printCommands } from './dry-run.js'
import type { Ending } from './exit.js'
import { followJobsFile } from './jobs-file.js'
import { type Kept, openKept } from './keeping.js'
import { openLiveReport, shownIn } from './live-report.js'
import type { Messages } from './messages.js'
import { type PrintingRun, printedRun, type Showing } from './printed-run.js'
import type { QueueRequest } from './queue-options.js'
import type { JournalRequest } from './run-options.js'
import { cancelHere } from './signals.js'

/** All that `drover run` was asked for. */
export interface RunRequest extends Showing {
  readonly input: InputRequest | { readonly blocks: BlockRequest }
  readonly dispatch: DispatchSourceOptions
  readonly journal: JournalRequest | null
  /** Where the number of jobs is read again from. */
  readonly jobsFile: string | null
  readonly dryRun: boolean
  /** Where the run is shown while it goes on; null for nowhere. */
  readonly report: ListenAddress | null
  /** Where the tasks run; null for here. */
  readonly queue: QueueRequest | null
}

/**
 * Runs tasks and prints what they print, or their results.
 *
 * @throws InputError, TemplateError, OptionError before anything was started; what drover itself could not go on for.
 */
export async function runTasks(request: RunRequest): Promise<Ending> {
  const kept = await openKept({ ...request, results: request.printing.results })
  try {
    const ending = await runWith(request, kept)
    await kept.close()
    return ending
  } finally {
    // After an error that one counts, and not what closing says.
    await kept.close().catch(() => {})
  }
}

function runWith(request: RunRequest, kept: Kept): Promise<Ending> {
  const { journal } = kept
  let stopFollowing: (() => void) | null = null
  let runner: QueueRunner | null = null
  let live: LiveReport | null = null
  return printedRun({
    showing: request,
    journal,
    what: 'task',
    tellsFailed: false,
    begin: async ({ stdout, printer, messages, display }) => {
      const input = await open(request, journal)
      if (!request.dryRun) {
        runner = (await request.queue?.open(input)) ?? null
        live = request.report === null ? null : await openLiveReport(request.report)
        const options = releasing(
          input,
          shownIn(live, {
            ...optionsFor(request, input, { printer, messages, display }),
            ...kept.dispatch,
          }),
        )
        const run = dispatch(input, runner === null ? options : { ...options, runner })
        live?.watch(run)
        if (request.jobsFile !== null) {
          const set = (jobs: number) => {
            run.concurrency = jobs
          }
          stopFollowing = followJobsFile(request.jobsFile, set, (message) => messages.say(message))
        }
        return run
      }
      await printCommands(input, stdout, journal)
      return null
    },
    print: (result, { printer, messages }) => {
      if (request.queue !== null && request.printing.json === null) tellOfCut(result, messages)
      return printer.result(result)
    },
    finish: async () => {
      stopFollowing?.()
      await live?.close()
      await runner?.close()
      await request.queue?.close()
    },
  })
}

/** Has blocks that were read come back, where nothing can read any more what a task was given when its result is known. */
function releasing(input: TaskInput | BlockInput, options: DispatchSourceOptions): DispatchSourceOptions {
  if (!('release' in input)) return options
  const { onAlreadyDone } = options
  return {
    ...options,
    onAlreadyDone: (task, info) => {
      input.release(info.index, true)
      return onAlreadyDone?.(task, info)
    },
    onResult: (result, progress) => {
      const { index, leftovers, pipeHeld } = result
      // Its pipe is closed at the end of this turn.
      setImmediate(() => input.release(index, leftovers === 0 && !pipeHeld))
      return options.onResult?.(result, progress)
    },
  }
}

/** Whether all pipes of a task are closed when it is done: not those that it leaves to others, nor those on other machines. */
function closesPipes({ launcher, leftovers, hosts }: DispatchSourceOptions): boolean {
  return typeof launcher === 'object' && launcher.name === 'native' && leftovers !== 'keep' && hosts === undefined
}

async function open(
  { input, dispatch: options, dryRun }: RunRequest,
  journal: Journal | null,
): Promise<TaskInput | BlockInput> {
  if ('blocks' in input) {
    const { openBlocks } = await import('../input/blocks/open-blocks.js')
    return openBlocks({ ...input.blocks, releases: !dryRun && closesPipes(options) })
  }
  return openInput(journal === null ? input : { ...input, checkTask: (task: Task) => journal.problemOf(task) })
}

function optionsFor(
  request: RunRequest,
  input: TaskInput,
  { printer, messages, display }: Pick<PrintingRun, 'printer' | 'messages' | 'display'>,
): DispatchSourceOptions {
  const wantsAll = request.printing.json !== null
  return {
    ...request.dispatch,
    total: input.totalNow,
    // Only who is shown every result is helped by a `skipped` one for each task that a halt left unread.
    readRest: wantsAll && input.total !== null,
    lookahead: input.hasPriorities ? Number.POSITIVE_INFINITY : 0,
    // Without it tasks can be sent ahead to other machines.
    ...((input.usesSlot || request.verbose) && {
      beforeStart: (task: Task, { slot, index, attempt }: StartInfo) => {
        const filled = input.usesSlot ? withSlot(task, slot) : task
        if (request.verbose) messages.onStart(index, attempt, describeCommand(filled))
        return filled
      },
    }),
    onWarning: (message) => messages.say(message),
    control: { cancel: cancelHere, onUnseen: (why) => messages.detail(why), onSteered: (what) => messages.say(what) },
    onAlreadyDone: (_task, { index }) => void printer.pass(index),
    ...(request.printing.json === null
      ? {
          onOutput: (output) => {
            display?.output(output)
            return printer.output(withLabel(output))
          },
        }
      : null),
  }
}

/** What came through a queue may be less than what was printed. */
function tellOfCut(result: Result, messages: Messages): void {
  if (!result.truncated) return
  const files = [result.stdoutFile, result.stderrFile].filter((file) => file !== undefined)
  const where = files.length === 0 ? '' : `; all of it is on ${result.host} in ${files.join(' and ')}`
  messages.say(`task ${result.id ?? result.index + 1}: its output was cut${where}`)
}

function withLabel(output: TaskOutput): TaskOutput & { label: string } {
  return { ...output, label: labelOf(output.task, output.index) }
}

function labelOf(task: Task, index: number): string {
  return task.id ?? task.name ?? String(index + 1)
}
