import type { DispatchRun } from '../dispatch/dispatch.js'
import type { Summary } from '../dispatch/progress.js'
import type { Journal } from '../journal/journal.js'
import { FdWriter } from '../output/fd-writer.js'
import { isAsciiLocale } from '../output/printable.js'
import { Printer } from '../output/printer.js'
import type { ProgressDisplay } from '../output/progress/progress-display.js'
import type { ProgressForm } from '../output/progress/progress-form.js'
import type { ShownJobs } from '../output/progress/progress-keys.js'
import { type EarlyEnd, endedText, summaryLine } from '../output/progress/progress-words.js'
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
  /** Null for none. */
  readonly progress: ProgressForm | null
  readonly quiet: boolean
  readonly verbose: boolean
  readonly color: boolean
}

/** What a run prints to. */
export interface PrintingRun {
  readonly stdout: FdWriter
  readonly printer: Printer
  readonly messages: Messages
  /** Where it is shown how the run goes on; null for nowhere. */
  readonly display: ProgressDisplay | null
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
  /** What the keys change the number of. Default: `concurrency` of the run. */
  jobs?(run: DispatchRun): ShownJobs
  /** Hands a result to the printer. */
  print(result: Result, to: PrintingRun): void | Promise<void>
  /** Ends what the run was made on, after its last result and with the signals still watched. */
  finish?(): Promise<void>
}

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
  const display = await displayFor(showing, parts.what, stdout, stderr)
  const printed = display ?? { stdout, stderr }
  const printer = new Printer({ ...showing.printing, stdout: printed.stdout, stderr: printed.stderr })
  const removeFiles = () => printer.removeSync()
  process.once('exit', removeFiles)
  const complain = (chunk: Uint8Array | string) => {
    void printed.stderr.write(chunk)
  }
  const messages = new Messages({
    ...showing,
    ascii: isAsciiLocale(process.env),
    what: parts.what,
    tellsFailed: parts.tellsFailed,
    write: (line) => (display === null ? complain(`${line}\n`) : display.line(line)),
  })
  const to = { stdout, printer, messages, display, complain }
  const run = await parts.begin(to)
  if (run === null) return brokenEnding(brokenBy) ?? { status: 0 }
  steered = parts.steered?.(run) ?? run
  if (journal !== null) tellOfFindings(journal, messages)
  const signals = watchSignals(steered, (message) => messages.say(message), display)
  display?.show(run, parts.jobs?.(run))
  let badInput = false
  try {
    for await (const result of run) {
      display?.result(result)
      messages.onResult(result)
      await parts.print(result, to)
    }
  } catch (error) {
    // With --strict a stream may turn out bad when tasks have run; what they did stands.
    if (!(error instanceof InputError)) throw error
    badInput = true
    messages.say(error.message)
  } finally {
    await parts.finish?.()
    // From here on a signal does what it always does, so that nothing must be left to be given back.
    void display?.rest()
    signals.stop()
    await printer.close()
    await display?.end()
    process.removeListener('exit', removeFiles)
  }
  const summary = await run.summary()
  tellOfDone(summary, messages)
  const early = earlyEnd(run, summary, display)
  if (display?.isShown === true) messages.line(endedText(summary, early))
  else if (hasTrouble(summary) || badInput) messages.line(summaryLine(summary, parts.what, early))
  tellOfResuming(summary, journal, messages)
  await stderr.flush()
  return exitStatus(summary, { brokenBy, endedBy: signals.endedBy, drainedBy: signals.drainedBy })
}

/** What a signal or bad input ends has been told of. */
function earlyEnd(run: DispatchRun, summary: Summary, display: ProgressDisplay | null): EarlyEnd {
  const { total, alreadyDone, halted, complete } = summary
  const known = run.progress().total
  const unread = complete || known === null ? 0 : Math.max(0, known - total - alreadyDone)
  const why = halted !== null ? `halted by ${halted}` : display?.stoppedByKey === true ? 'stopped by a key' : null
  return { unread, why }
}

/** Loaded only where progress is shown. */
async function displayFor(
  { progress, color }: Showing,
  what: string,
  stdout: FdWriter,
  stderr: FdWriter,
): Promise<ProgressDisplay | null> {
  if (progress === null) return null
  const { ProgressDisplay } = await import('../output/progress/progress-display.js')
  return new ProgressDisplay({ form: progress, stdout, stderr, color, showsCommands: what === 'task' })
}

function hasTrouble(summary: Summary): boolean {
  return summary.byState.succeeded < summary.total
}
