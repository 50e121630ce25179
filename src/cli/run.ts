import { type DispatchRun, type DispatchSourceOptions, dispatch } from '../dispatch/dispatch.js'
import type { TaskOutput } from '../dispatch/dispatch-options.js'
import type { Progress, Summary } from '../dispatch/progress.js'
import { type InputRequest, openInput, type TaskInput, withSlot } from '../input/input.js'
import { FdWriter } from '../output/fd-writer.js'
import { Printer } from '../output/printer.js'
import { ProgressLine, summaryLine } from '../output/progress-line.js'
import { InputError } from '../task/errors.js'
import { describeCommand, type Task } from '../task/task.js'
import { printCommands } from './dry-run.js'
import { brokenEnding, type Ending, exitStatus } from './exit.js'
import { type Kept, openKept, tellOfDone, tellOfFindings, tellOfResuming } from './keeping.js'
import { Messages } from './messages.js'
import type { JournalRequest, PrintingOptions } from './run-options.js'
import { watchSignals } from './signals.js'

/** All that `drover run` was asked for. */
export interface RunRequest {
  readonly input: InputRequest
  readonly dispatch: DispatchSourceOptions
  readonly journal: JournalRequest | null
  readonly printing: PrintingOptions
  readonly progress: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly color: boolean
  readonly dryRun: boolean
}

const PROGRESS_INTERVAL_MS = 200

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

async function runWith(request: RunRequest, kept: Kept): Promise<Ending> {
  const { journal } = kept
  let brokenBy: NodeJS.ErrnoException | null = null
  let run: DispatchRun | null = null
  const stderr: FdWriter = new FdWriter(2, { onBroken: (error) => onBroken(error, 'standard error') })
  const stdout = new FdWriter(1, { onBroken: (error) => onBroken(error, 'standard output') })
  const onBroken = (error: NodeJS.ErrnoException, what: string) => {
    brokenBy ??= error
    if (error.code !== 'EPIPE') void stderr.write(`drover: ${what} cannot be written to: ${error.message}\n`)
    run?.halt('now', { code: error.code ?? 'EPIPE', message: `${what} cannot be written to` })
  }
  const checkTask = (task: Task) => journal?.problemOf(task) ?? null
  const input = await openInput(journal === null ? request.input : { ...request.input, checkTask })
  if (request.dryRun) {
    await printCommands(input, stdout, journal)
    return brokenEnding(brokenBy) ?? { status: 0 }
  }
  const terminal: { progress: ProgressLine | null } = { progress: null }
  const printer = new Printer({ ...request.printing, stdout, stderr, beforePrint: () => terminal.progress?.clear() })
  const removeFiles = () => printer.removeSync()
  process.once('exit', removeFiles)
  const messages = new Messages({
    ...request,
    write: (line) => {
      void terminal.progress?.clear()
      void stderr.write(`${line}\n`)
    },
  })
  if (journal !== null) tellOfFindings(journal, messages)
  run = dispatch(input, { ...optionsFor(request, input, printer, messages), ...kept.dispatch })
  const signals = watchSignals(run, (message) => messages.say(message))
  if (request.progress) {
    const columns = () => process.stderr.columns ?? 80
    terminal.progress = new ProgressLine({ writer: stderr, columns, mayDraw: () => printer.isAtRest })
  }
  const ticker = setInterval(
    () => run !== null && terminal.progress?.update(withEarlier(run.progress())),
    PROGRESS_INTERVAL_MS,
  )
  let badInput = false
  try {
    for await (const result of run) {
      messages.onResult(result)
      await printer.result(result)
    }
  } catch (error) {
    // With --strict a stream may turn out bad when tasks have run; what they did stands.
    if (!(error instanceof InputError)) throw error
    badInput = true
    messages.say(error.message)
  } finally {
    clearInterval(ticker)
    void terminal.progress?.stop()
    signals.stop()
    await printer.close()
    process.removeListener('exit', removeFiles)
  }
  const summary = await run.summary()
  tellOfDone(summary, messages)
  if (hasTrouble(summary) || badInput) messages.line(summaryLine(summary))
  tellOfResuming(summary, journal, messages)
  await stderr.flush()
  return exitStatus(summary, { brokenBy, endedBy: signals.endedBy, drainedBy: signals.drainedBy })
}

function optionsFor(
  request: RunRequest,
  input: TaskInput,
  printer: Printer,
  messages: Messages,
): DispatchSourceOptions {
  const wantsAll = request.printing.json !== null
  return {
    ...request.dispatch,
    total: input.total,
    // Only who is shown every result is helped by a `skipped` one for each task that a halt left unread.
    readRest: wantsAll && input.total !== null,
    lookahead: input.hasPriorities ? Number.POSITIVE_INFINITY : 0,
    beforeStart: (task, { slot, index, attempt }) => {
      const filled = input.usesSlot ? withSlot(task, slot) : task
      if (request.verbose) messages.onStart(index, attempt, describeCommand(filled))
      return filled
    },
    onAlreadyDone: (_task, { index }) => void printer.pass(index),
    ...(request.printing.json === null ? { onOutput: (output) => printer.output(withLabel(output)) } : null),
  }
}

/** What an earlier run has done counts as done to people. */
function withEarlier(progress: Progress): Progress {
  return { ...progress, done: progress.done + progress.alreadyDone }
}

function withLabel(output: TaskOutput): TaskOutput & { label: string } {
  return { ...output, label: labelOf(output.task, output.index) }
}

function labelOf(task: Task, index: number): string {
  return task.id ?? task.name ?? String(index + 1)
}

function hasTrouble(summary: Summary): boolean {
  return summary.byState.succeeded < summary.total
}
