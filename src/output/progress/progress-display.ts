import { writeSync } from 'node:fs'
import { FdWriter, type OutputWriter } from '../fd-writer.js'
import { isInForeground } from '../terminal/foreground.js'
import { Keys } from '../terminal/keys.js'
import { OtherPrinters } from '../terminal/other-printers.js'
import { isSameTerminal } from '../terminal/same-terminal.js'
import { TerminalScreen } from '../terminal/terminal-screen.js'
import { type Look, showsUnicode } from './look.js'
import type { ProgressForm } from './progress-form.js'
import { ProgressKeys, type ShownJobs } from './progress-keys.js'
import { ProgressLog } from './progress-log.js'
import { progressState } from './progress-model.js'
import { type ProgressOutput, ProgressRecord, type ProgressResult } from './progress-record.js'
import type { ProgressState, ShownRun } from './progress-state.js'
import { failuresIn } from './progress-words.js'

/** How progress is shown, and where. */
export interface ProgressDisplayOptions {
  /** `block`: lines at the bottom of the terminal that standard error is; `log`: a line now and then. Default: `block`. */
  readonly form?: ProgressForm
  /** What standard output is written by. Default: what writes to descriptor 1. */
  readonly stdout?: OutputWriter
  /** What standard error is written by. Default: what writes to descriptor 2. */
  readonly stderr?: OutputWriter
  /** Whether standard output goes to the same terminal. Default: whether it does. */
  readonly isStdoutShared?: boolean
  /** Whether there is color. Default: true for a terminal, unless `NO_COLOR` is set. */
  readonly color?: boolean
  /** Whether keys steer the run. Default: true. */
  readonly keys?: boolean
  /** Milliseconds until the block is shown, so that what is over at once shows none. Default: 500. */
  readonly delayMs?: number
  /** The terminal's size; asked each time. Default: that of standard error. */
  readonly size?: () => { readonly columns: number; readonly rows: number }
  /** Whether the command of a result says what it was; for messages to a pool it does not. Default: true. */
  readonly showsCommands?: boolean
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv
}

const INTERVAL_MS = 200
const NOTICE_MS = 4_000
/** Between two looks whether the terminal is still this process's. */
const FOREGROUND_MS = 1_000

/**
 * Shows how a run goes on: a block of lines at the bottom of a terminal, or lines in a log. What is printed meanwhile goes through
 * {@link stdout} and {@link stderr}, so that it is never mixed with the block.
 *
 * @example
 * const run = dispatch(tasks)
 * const display = new ProgressDisplay()
 * display.show(run)
 * for await (const result of run) {
 *   display.result(result)
 *   display.stdout.write(result.stdout)
 * }
 * await display.end()
 */
export class ProgressDisplay {
  /** Standard output, and below it the block. */
  readonly stdout: OutputWriter
  /** Standard error, and below it the block. */
  readonly stderr: OutputWriter
  readonly #options: ProgressDisplayOptions
  readonly #screen: TerminalScreen | null
  readonly #log: ProgressLog | null
  readonly #record: ProgressRecord
  readonly #env: NodeJS.ProcessEnv
  readonly #look: Look
  #run: ShownRun | null = null
  #pressed: ProgressKeys | null = null
  #keys: Keys | null = null
  #draw: typeof import('./draw-block.js').drawBlock | null = null
  #delay: NodeJS.Timeout | null = null
  #ticker: NodeJS.Timeout | null = null
  #notice: { text: string; untilMs: number } | null = null
  readonly #others = new OtherPrinters()
  #isOurs = false
  #lookAgainMs = 0
  #isResting = false
  #isShown = false
  #ended = false
  readonly #onResize = () => this.#tick()
  readonly #onExit = () => this.restore()

  constructor(options: ProgressDisplayOptions = {}) {
    this.#options = options
    this.#env = options.env ?? process.env
    this.#look = { color: options.color ?? !this.#env.NO_COLOR, unicode: showsUnicode(this.#env) }
    this.#record = new ProgressRecord(options.showsCommands)
    const stdout = options.stdout ?? new FdWriter(1)
    const stderr = options.stderr ?? new FdWriter(2)
    if (options.form === 'log') {
      ;[this.stdout, this.stderr, this.#screen] = [stdout, stderr, null]
      const isGithub = this.#env.GITHUB_ACTIONS === 'true'
      this.#log = new ProgressLog({ write: (line) => void stderr.write(`${line}\n`), isGithub })
    } else {
      this.#log = null
      this.#screen = new TerminalScreen(stderr, { columns: () => this.#size().columns })
      this.stderr = this.#screen
      this.stdout = (options.isStdoutShared ?? isSameTerminal()) ? this.#screen : stdout
    }
  }

  /** Whether anything of it was to be seen. */
  get isShown(): boolean {
    return this.#isShown
  }

  /** Whether a key has stopped the run. */
  get stoppedByKey(): boolean {
    return this.#pressed?.isStopping === true
  }

  /** Writes a line to standard error; one that was begun on the same terminal, and not ended, is ended first. */
  line(line: string): void {
    void (this.#screen === null ? this.stderr.write(`${line}\n`) : this.#screen.writeLine(line))
  }

  /** Begins to show this run. @param jobs - where its `concurrency` is not how many jobs there are. */
  show(run: ShownRun, jobs?: ShownJobs): void {
    this.#run = run
    this.#pressed = new ProgressKeys(run, jobs)
    if (this.#log !== null) {
      this.#isShown = true
      return this.#log.begin(() => this.#state(run))
    }
    this.#delay = setTimeout(() => void this.#appear(), this.#options.delayMs ?? 500)
    this.#delay.unref()
  }

  /** Notes what a task prints, so that it can be said what a task that failed has complained of. */
  output(output: ProgressOutput): void {
    this.#record.output(output)
  }

  /** Notes a final result. */
  result(result: ProgressResult): void {
    this.#record.result(result)
  }

  /** Takes the block away and gives the terminal back, as before this process is stopped or dies. Resolves when it is gone. */
  async rest(): Promise<void> {
    this.#isResting = true
    this.#keys?.rest()
    this.#screen?.clear()
    await this.#screen?.flush()
  }

  /** Takes the block away and gives the terminal back at once, for who has no time for more. */
  restore(): void {
    this.#isResting = true
    this.#keys?.rest()
    const last = this.#screen?.takeAway()
    if (last === undefined || last.length === 0) return
    try {
      writeSync(2, last)
    } catch {
      // Nobody is left to see it.
    }
  }

  /** Goes on after {@link rest}, or when this process was stopped by others. */
  resume(): void {
    this.#isResting = false
    this.#keys?.renew()
    this.#lookAgainMs = 0
    this.#tick()
  }

  /** Takes the block away for good; in a log, tells of the failures again. Resolves when all is written. */
  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    if (this.#delay !== null) clearTimeout(this.#delay)
    if (this.#ticker !== null) clearInterval(this.#ticker)
    process.removeListener('SIGWINCH', this.#onResize)
    process.removeListener('exit', this.#onExit)
    this.#keys?.close()
    if (this.#run !== null) this.#log?.end(this.#record.failures(), failuresIn(this.#run.progress().byState))
    this.#screen?.clear()
    await Promise.all([this.stdout.flush?.(), this.stderr.flush?.()])
  }

  async #appear(): Promise<void> {
    const { drawBlock } = await import('./draw-block.js')
    if (this.#ended) return
    this.#draw = drawBlock
    if (this.#options.keys !== false)
      this.#keys = Keys.open((key) => {
        const said = this.#pressed?.press(key)
        if (said === undefined) return
        this.#notice = said === null ? null : { text: said, untilMs: performance.now() + NOTICE_MS }
        this.#tick()
      })
    process.on('SIGWINCH', this.#onResize)
    process.once('exit', this.#onExit)
    this.#ticker = setInterval(() => this.#tick(), INTERVAL_MS)
    this.#ticker.unref()
    this.#tick()
  }

  #tick(): void {
    const run = this.#run
    if (run === null || this.#draw === null || this.#screen === null || this.#isResting || this.#ended) return
    const state = this.#state(run)
    // Whoever makes the tasks may still be asking somebody something, on the same terminal.
    if (!this.#isShown && state.queued + state.running + state.done === 0) return
    this.#heedOthers()
    if (!this.#isOurs) return void this.#screen.clear()
    this.#isShown = true
    const { unicode, color } = this.#look
    this.#draw(this.#screen, state, { ...this.#size(), unicode, color })
  }

  /** In the background the terminal is somebody else's; and where others of this job print to it, nothing can be drawn. */
  #heedOthers(): void {
    const nowMs = performance.now()
    if (nowMs < this.#lookAgainMs) return
    this.#lookAgainMs = nowMs + FOREGROUND_MS
    const arePrinting = this.#others.arePrinting()
    this.#isOurs = !arePrinting && isInForeground()
    // A pager that reads what is printed has keys of its own.
    if (arePrinting) this.#keys?.rest()
    else this.#keys?.heed()
  }

  #state(run: ShownRun): ProgressState {
    if (this.#notice !== null && this.#notice.untilMs < performance.now()) this.#notice = null
    const { isHelpShown = false, isStopping = false } = this.#pressed ?? {}
    const help = this.#keys?.isOn === true ? isHelpShown : null
    return progressState(run, this.#record, { isStopping, help, notice: this.#notice?.text ?? null })
  }

  #size(): { columns: number; rows: number } {
    const { columns, rows } = this.#options.size?.() ?? process.stderr
    return { columns: columns || 80, rows: rows || 24 }
  }
}
