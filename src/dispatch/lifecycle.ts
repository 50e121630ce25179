import { abortError } from '../process/process.js'
import type { ResultError } from '../task/result.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Scheduler } from './scheduler.js'
import { sweep } from './sweep.js'

/** What can end a run from without. */
export class Lifecycle {
  readonly #scheduler: Scheduler
  readonly #options: CheckedDispatchOptions
  readonly #hurry = new AbortController()
  #begun = false
  #timer: NodeJS.Timeout | null = null
  #onAbort: (() => void) | null = null

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#options = scheduler.options
  }

  /** Begins to heed the signal and the total timeout, unless it does already. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    const { signal, totalTimeoutMs } = this.#options
    if (totalTimeoutMs > 0) {
      const message = `the run took longer than ${totalTimeoutMs} ms and was ended`
      this.#timer = setTimeout(
        () => this.#scheduler.stop('now', { code: 'ERR_DROVER_TIMEOUT', message }),
        totalTimeoutMs,
      )
    }
    if (signal === undefined) return
    this.#onAbort = () => this.#scheduler.stop('now', abortError(signal))
    if (signal.aborted) this.#onAbort()
    else signal.addEventListener('abort', this.#onAbort)
  }

  /** KILL for everything, whatever grace was given. */
  hurry(error: ResultError): void {
    this.#hurry.abort()
    this.#scheduler.hurry(error)
  }

  /** When all results are known: resolves once no process of the run is left. */
  async end(): Promise<void> {
    const { launcher, run, leftovers, killGraceMs, signal } = this.#options
    this.#begun = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#onAbort !== null) signal?.removeEventListener('abort', this.#onAbort)
    await this.#scheduler.allGone()
    if (leftovers !== 'keep') await sweep(launcher, run, killGraceMs, this.#hurry.signal)
  }
}
