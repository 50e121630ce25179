import type { DispatchRun } from '../dispatch/dispatch.js'
import type { Progress, Summary } from '../dispatch/progress.js'
import type { Journal } from '../journal/journal.js'
import { FdWriter } from '../output/fd-writer.js'
import { Printer } from '../output/printer.js'
import { ProgressLine, summaryLine } from '../output/progress-line.js'
import { InputError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import { brokenEnding, type Ending, exitStatus } from './exit.js'
import { tellOfDone, tellOfFindings, tellOfResuming } from './keeping.js'
import { Messages } from './messages.js'
import type { PrintingOptions } from './run-options.js'
import { type SteeredRun, watchSignals } from './signals.js'

/** What people see of a run. */
export interface Showing {
  readonly printing: PrintingOptions
  readonly progress: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly color: boolean
}

/** What a run prints to. */
export interface PrintingRun {
  readonly stdout: FdWriter
  readonly printer: Printer
  readonly messages: Messages
  /** Prints something of no task's to standard error. */
  complain(chunk: Uint8Array): void
}

export interface PrintedRunParts {
  readonly showing: Showing
  readonly journal: Journal | null
  /** What a task is called: `task`, `message`. */
  readonly what: string
  /** Whether people are told of tasks that failed by themselves, since these may not have said why. */
  readonly tellsFailed: boolean
  /** Makes the run; null when there is nothing to run, and what there was to print is printed. */
  begin(to: PrintingRun): Promise<DispatchRun | null>
  /** What signals steer. Default: the run. */
  steered?(run: DispatchRun): SteeredRun
  /** Hands a result to the printer. */
  print(result: Result, to: PrintingRun): void | Promise<void>
  /** Ends what the run was made on, after its last result and with the signals still watched. */
  finish?(): Promise<void>
}

const PROGRESS_INTERVAL_MS = 200

/**
 * Runs tasks, prints what becomes of them, and lets people see and steer it.
 *
 * @throws InputError, TemplateError, OptionError before anything was started; what drover itself could not go on for.
 */
export async function printedRun(parts: PrintedRunParts): Promise<Ending> {
  const { showing, journal } = parts
  let brokenBy: NodeJS.ErrnoException | null = null
  let steered: SteeredRun | null = null
  const onBroken = (error: NodeJS.ErrnoException, what: string) => {
    brokenBy ??= error
    if (error.code !== 'EPIPE') void stderr.write(`drover: ${what} cannot be written to: ${error.message}\n`)
    steered?.halt('now', { code: error.code ?? 'EPIPE', message: `${what} cannot be written to` })
  }
  const stderr: FdWriter = new FdWriter(2, { onBroken: (error) => onBroken(error, 'standard error') })
  const stdout = new FdWriter(1, { onBroken: (error) => onBroken(error, 'standard output') })
  const terminal: { progress: ProgressLine | null } = { progress: null }
  const printer = new Printer({ ...showing.printing, stdout, stderr, beforePrint: () => terminal.progress?.clear() })
  const removeFiles = () => printer.removeSync()
  process.once('exit', removeFiles)
  const complain = (chunk: Uint8Array | string) => {
    void terminal.progress?.clear()
    void stderr.write(chunk)
  }
  const messages = new Messages({
    ...showing,
    what: parts.what,
    tellsFailed: parts.tellsFailed,
    write: (line) => complain(`${line}\n`),
  })
  const to = { stdout, printer, messages, complain }
  const run = await parts.begin(to)
  if (run === null) return brokenEnding(brokenBy) ?? { status: 0 }
  steered = parts.steered?.(run) ?? run
  if (journal !== null) tellOfFindings(journal, messages)
  const signals = watchSignals(steered, (message) => messages.say(message))
  if (showing.progress) {
    const columns = () => process.stderr.columns ?? 80
    terminal.progress = new ProgressLine({ writer: stderr, columns, mayDraw: () => printer.isAtRest })
  }
  const ticker = setInterval(() => terminal.progress?.update(withEarlier(run.progress())), PROGRESS_INTERVAL_MS)
  let badInput = false
  try {
    for await (const result of run) {
      messages.onResult(result)
      await parts.print(result, to)
    }
  } catch (error) {
    // With --strict a stream may turn out bad when tasks have run; what they did stands.
    if (!(error instanceof InputError)) throw error
    badInput = true
    messages.say(error.message)
  } finally {
    clearInterval(ticker)
    void terminal.progress?.stop()
    await parts.finish?.()
    signals.stop()
    await printer.close()
    process.removeListener('exit', removeFiles)
  }
  const summary = await run.summary()
  tellOfDone(summary, messages)
  if (hasTrouble(summary) || badInput) messages.line(summaryLine(summary, parts.what))
  tellOfResuming(summary, journal, messages)
  await stderr.flush()
  return exitStatus(summary, { brokenBy, endedBy: signals.endedBy, drainedBy: signals.drainedBy })
}

/** What an earlier run has done counts as done to people. */
function withEarlier(progress: Progress): Progress {
  return { ...progress, done: progress.done + progress.alreadyDone }
}

function hasTrouble(summary: Summary): boolean {
  return summary.byState.succeeded < summary.total
}
