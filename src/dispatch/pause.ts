import { MAX_DURATION_MS } from '../process/process-options.js'

/** Whether somebody has asked that nothing be started. While it is so the event loop is kept alive, for nothing else may do that. */
export class Pause {
  #timer: NodeJS.Timeout | null = null

  get isOn(): boolean {
    return this.#timer !== null
  }

  set(on: boolean): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = on ? setInterval(() => {}, MAX_DURATION_MS) : null
  }
}
