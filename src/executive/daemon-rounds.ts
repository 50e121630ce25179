import { onAbort } from '../process/on-abort.js'
import { MAX_DURATION_MS } from '../process/process-options.js'
import { DroverError, OptionError } from '../task/errors.js'
import { RESULT_STATES, type ResultError, type ResultState } from '../task/result.js'
import type { CheckedDaemon, DaemonRound } from './daemon-options.js'
import { ForEachRun } from './for-each-run.js'
import type { ForEachSummary } from './item-result.js'
import { RoundClock } from './round-clock.js'
import { monotonicUsec, type ServiceManager } from './service-manager.js'
import { Sleep } from './sleep.js'
import { Workers } from './workers.js'

/** What ended a daemon. */
export type DaemonEnd = 'stop' | 'abort' | 'SIGTERM' | 'SIGINT'

/** Counts over all rounds of a daemon. */
export interface DaemonCounts {
  /** Rounds that were begun. */
  rounds: number
  /** Rounds whose time passed while another was going on. */
  missed: number
  /** How often it was reloaded. */
  reloads: number
  /** Items that were pulled; each has one result. */
  total: number
  /** Results that count as failures: failed, timed-out, killed, spawn-failed, lost and invalid. */
  failures: number
  /** Processes that were started. */
  workers: number
  /** Results, by their state. */
  readonly byState: Record<ResultState, number>
}

/** Thrown to leave what is not waited for any more. */
const LEFT = Symbol('left')

/**
 * The rounds of a daemon:
 *
 *   round ──► stop()? ──► waits for the time of the next one ──► round
 *     │                        └── reload ──────────────────────► round
 *     └── drain: the round is finished with what was pulled ──► ended
 *     └── end now: what is being handled is ended ────────────► ended
 */
export class DaemonRounds<Item, Value> {
  readonly counts: DaemonCounts = {
    ...{ rounds: 0, missed: 0, reloads: 0, total: 0, failures: 0, workers: 0 },
    byState: Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>,
  }
  readonly #options: CheckedDaemon<Item, Value>
  readonly #manager: ServiceManager
  readonly #workers: Workers
  readonly #sleep = new Sleep()
  readonly #clock: RoundClock
  readonly #leavers = new Set<() => void>()
  #run: ForEachRun<Item, Value> | null = null
  #endedBy: DaemonEnd | null = null
  #failure: { error: unknown } | null = null
  #isToEndNow = false
  #isToReload = false
  #paused = false
  /** What was asked for while it goes on, in place of the option. */
  #jobs: number | null = null

  constructor(options: CheckedDaemon<Item, Value>, manager: ServiceManager) {
    this.#options = options
    this.#manager = manager
    this.#workers = new Workers({ ...options.forEach, onResult: undefined }, options.keepWorkers)
    this.#clock = new RoundClock(options.intervalMs, performance.now())
  }

  /** Resolves when it has ended and no process is left. @throws what ended it. */
  async run(): Promise<DaemonEnd> {
    const { signal } = this.#options.forEach
    const abort = () => this.end('abort', 'now', { code: 'ERR_DROVER_ABORTED', message: 'the daemon was aborted' })
    if (signal?.aborted === true) abort()
    // Whatever a queue waits for: a daemon does not end because nothing else is going on.
    const staysAlive = setInterval(() => {}, MAX_DURATION_MS)
    const forgetSignal = signal === undefined || signal.aborted ? null : onAbort(signal, abort)
    try {
      for (let missed = 0; this.#goesOn; missed = await this.#waitForTime()) await this.#oneRound(missed)
    } catch (error) {
      if (error !== LEFT) this.#failure ??= { error }
    } finally {
      forgetSignal?.()
      clearInterval(staysAlive)
      await this.#manager.tell('STOPPING=1')
      await this.#workers.close()
    }
    const { log } = this.#options.forEach
    if (this.#failure !== null) {
      log?.error({ err: this.#failure.error }, 'the daemon is ended by an error')
      throw this.#failure.error
    }
    log?.info({ ...this.counts, endedBy: this.#endedBy }, 'daemon ended')
    return this.#endedBy!
  }

  /** Drains it, or ends what is being handled as well. */
  end(by: DaemonEnd, how: 'drain' | 'now' | 'at once', reason: ResultError): void {
    this.#endedBy ??= by
    if (how === 'drain') this.#run?.halt('soon', reason)
    else if (how === 'now') this.#run?.halt('now', reason)
    else this.#run?.destroy(reason)
    if (how !== 'drain') this.#leave(how === 'at once')
    this.#sleep.wake()
    void this.#manager.tell('STOPPING=1', `STATUS=${reason.message}`)
  }

  /** Ends it now, with an error. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#run?.halt('now', { code: 'ERR_DROVER_ENDED', message: `the daemon was ended: ${messageOf(error)}` })
    this.#leave(false)
    this.#sleep.wake()
  }

  /** Reloads it as soon as no round is going on. */
  reload(): void {
    this.#isToReload = true
    this.#sleep.wake()
  }

  /** How many have been pulled in this round and have no result yet. */
  get inHand(): number {
    const progress = this.#run?.progress()
    if (progress === undefined) return 0
    return progress.total - RESULT_STATES.reduce((sum, state) => sum + progress.byState[state], 0)
  }

  /** The counts, those of the round that goes on included. */
  get byState(): Record<ResultState, number> {
    const now = this.#run?.progress().byState
    return Object.fromEntries(
      RESULT_STATES.map((state) => [state, this.counts.byState[state] + (now?.[state] ?? 0)]),
    ) as Record<ResultState, number>
  }

  /** Whether no more items are pulled for a while, in this round and those after it. */
  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    if (this.#run !== null) this.#run.paused = paused
  }

  /** How many processes at once, where that does not depend on a function. */
  get concurrency(): number | null {
    const { concurrency } = this.#options.forEach
    return this.#jobs ?? (typeof concurrency === 'function' ? (this.#run?.concurrency ?? null) : concurrency)
  }

  /** From now on. @throws OptionError where a function says how many. */
  setConcurrency(jobs: number): void {
    if (typeof this.#options.forEach.concurrency === 'function')
      throw new OptionError('concurrency: a function of the program says how many there are, and has the last word')
    this.#jobs = jobs
    if (this.#run !== null) this.#run.concurrency = jobs
  }

  get #goesOn(): boolean {
    return this.#endedBy === null && this.#failure === null
  }

  async #oneRound(missed: number): Promise<void> {
    const { stop, onRound, onError } = this.#options
    const startedAt = new Date().toISOString()
    this.counts.rounds += 1
    this.counts.missed += missed
    let summary = NOTHING
    let error: unknown = null
    try {
      summary = await this.#handleQueue()
    } catch (thrown) {
      if (thrown === LEFT || onError === undefined || this.#failure !== null) throw thrown
      error = thrown ?? new DroverError('ERR_DROVER_CALLBACK', `${String(thrown)} was thrown`)
      await this.#unlessLeft(onError(thrown))
    } finally {
      summary = this.#run?.progress() ?? summary
      this.#count(summary)
      this.#run = null
    }
    const round: DaemonRound = { ...summary, round: this.counts.rounds, startedAt, missed, error }
    this.#tellRound(round)
    await this.#unlessLeft(onRound?.(round))
    await this.#manager.tell(`STATUS=${statusOf(round)}`)
    if (this.#goesOn && (await this.#unlessLeft(stop?.(round))) === true) this.#endedBy ??= 'stop'
  }

  #tellRound({ error, ...round }: DaemonRound): void {
    const { log } = this.#options.forEach
    if (round.missed > 0) log?.warn({ round: round.round, missed: round.missed }, 'rounds were missed')
    if (error === null) log?.info(round, 'round ended')
    else log?.warn({ ...round, err: error }, 'round failed')
  }

  async #handleQueue(): Promise<ForEachSummary> {
    const items = await this.#unlessLeft(this.#options.queue())
    if (items === null || items === undefined || !this.#goesOn) return NOTHING
    // The daemon listens to the signal by itself.
    const options = { ...this.#options.forEach, signal: undefined, control: false, isRound: true }
    this.#run = new ForEachRun(items, options, this.#workers)
    this.#run.paused = this.#paused
    if (this.#jobs !== null) this.#run.concurrency = this.#jobs
    return this.#run.summary()
  }

  #count(summary: ForEachSummary): void {
    const { counts } = this
    counts.total += summary.total
    counts.failures += summary.failures
    counts.workers += summary.workers
    for (const state of RESULT_STATES) counts.byState[state] += summary.byState[state]
  }

  /** @returns how many rounds were missed. */
  async #waitForTime(): Promise<number> {
    while (this.#goesOn) {
      if (this.#isToReload) {
        await this.#reloadNow()
        return 0
      }
      const now = performance.now()
      const due = this.#clock.nextDueMs(now)
      await this.#sleep.until(due)
      if (this.#goesOn && !this.#isToReload && performance.now() >= due) return this.#clock.begin(performance.now())
    }
    return 0
  }

  async #reloadNow(): Promise<void> {
    this.#isToReload = false
    this.counts.reloads += 1
    await this.#manager.tell('RELOADING=1', `MONOTONIC_USEC=${monotonicUsec()}`)
    await this.#workers.close()
    try {
      await this.#unlessLeft(this.#options.reload?.())
    } catch (error) {
      const { onError } = this.#options
      if (error === LEFT || onError === undefined) throw error
      await this.#unlessLeft(onError(error))
    }
    await this.#manager.tell('READY=1')
  }

  #leave(atOnce: boolean): void {
    this.#isToEndNow = true
    void this.#workers.destroy(atOnce ? 0 : undefined)
    for (const leave of [...this.#leavers]) leave()
  }

  /** Waits for a callback of the user's, unless all is to end now. */
  #unlessLeft<T>(work: T | PromiseLike<T>): Promise<T> {
    const done = Promise.resolve(work)
    return new Promise((resolve, reject) => {
      if (this.#isToEndNow) {
        // Called, but not waited for.
        done.catch(() => {})
        return reject(LEFT)
      }
      const leave = () => reject(LEFT)
      this.#leavers.add(leave)
      const forget = () => this.#leavers.delete(leave)
      done.then(
        (value) => {
          forget()
          resolve(value)
        },
        (error) => {
          forget()
          reject(error)
        },
      )
    })
  }
}

const NOTHING: ForEachSummary = {
  total: 0,
  byState: Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>,
  failures: 0,
  complete: true,
  workers: 0,
  durationMs: 0,
}

function statusOf({ round, byState, error }: DaemonRound): string {
  if (error !== null) return `round ${round} failed: ${messageOf(error).split('\n')[0]}`
  const counts = RESULT_STATES.filter((state) => byState[state] > 0).map((state) => `${byState[state]} ${state}`)
  return `round ${round}: ${counts.length === 0 ? 'nothing to do' : counts.join(', ')}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
