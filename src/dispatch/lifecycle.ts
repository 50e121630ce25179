import type { RunToSteer } from '../control/run-control.js'
import { RunSocket } from '../control/run-socket.js'
import { onAbort } from '../process/on-abort.js'
import { abortError } from '../process/process.js'
import { sweep } from '../process/sweep.js'
import type { ResultError } from '../task/result.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Scheduler } from './scheduler.js'

/** What can end a run from without. */
export class Lifecycle {
  readonly #scheduler: Scheduler
  readonly #options: CheckedDispatchOptions
  readonly #hurry = new AbortController()
  #begun = false
  #timer: NodeJS.Timeout | null = null
  #stopListening: (() => void)[] = []
  readonly #socket: RunSocket | null

  /** @param run - what is steered from elsewhere, where that is asked for. */
  constructor(scheduler: Scheduler, run: RunToSteer) {
    this.#scheduler = scheduler
    this.#options = scheduler.options
    const { control } = scheduler.options
    this.#socket =
      control === null ? null : new RunSocket(run, control, control.onUnseen ?? ((message) => scheduler.warn(message)))
  }

  /** Begins to heed the signal, the journal and the total timeout, unless it does already. */
  begin(): void {
    this.#timer?.ref()
    if (this.#begun) return
    this.#begun = true
    this.#scheduler.begin()
    this.#socket?.open()
    const { signal, journal, totalTimeoutMs } = this.#options
    if (totalTimeoutMs > 0) {
      const message = `the run took longer than ${totalTimeoutMs} ms and was ended`
      this.#timer = setTimeout(
        () => this.#scheduler.stop('now', { code: 'ERR_DROVER_TIMEOUT', message }),
        totalTimeoutMs,
      )
    }
    this.#heed(journal?.ended, ({ reason }) => this.#scheduler.fail(reason))
    this.#heed(signal, (aborted) => this.#scheduler.stop('now', abortError(aborted)))
  }

  #heed(signal: AbortSignal | undefined, end: (signal: AbortSignal) => void): void {
    // What was heeded before this may have ended all there was.
    if (signal === undefined || !this.#begun) return
    if (signal.aborted) end(signal)
    else this.#stopListening.push(onAbort(signal, () => end(signal)))
  }

  /** Nothing is to be done for the moment: what is only to be heeded while there is keeps no event loop alive. */
  rest(): void {
    this.#timer?.unref()
  }

  /** KILL for everything, whatever grace was given. */
  hurry(error: ResultError): void {
    this.#hurry.abort()
    this.#scheduler.hurry(error)
  }

  /** When the scheduler is idle: resolves once no process of the run is left, or when more tasks have come. */
  async end(): Promise<void> {
    if (!this.#scheduler.idle) return
    const { launcher, scope, leftovers, killGraceMs } = this.#options
    const hadBegun = this.#begun
    this.#begun = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const stop of this.#stopListening.splice(0)) stop()
    this.#scheduler.rest()
    await this.#scheduler.allGone()
    const isOver = () => this.#scheduler.idle
    if (leftovers !== 'keep') await sweep(launcher, scope, { graceMs: killGraceMs, hurry: this.#hurry.signal, isOver })
    if (!isOver()) return
    await this.#scheduler.leaveGate()
    if (this.#socket !== null && isOver()) await this.#socket.close()
    if (hadBegun) this.#scheduler.observer.over(() => this.#scheduler.summary())
  }
}
