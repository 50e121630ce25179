import type { ControlHooks } from '../dispatch/dispatch-options.js'
import type { ControlServer } from './control-server.js'
import type { Controlled } from './controlled.js'
import { type RunToSteer, runControl } from './run-control.js'

/** Who is done sooner than that need not be steered, and pays nothing for it. */
const OPEN_AFTER_MS = 100

/** The socket of something that goes on, which is there from a moment after it has begun until its end. */
export class LateSocket {
  readonly #make: (startedAt: Date) => Controlled
  readonly #onWarning: ((message: string) => void) | undefined
  #timer: NodeJS.Timeout | null = null
  #server: Promise<ControlServer | null> | null = null

  constructor(make: (startedAt: Date) => Controlled, onWarning: ((message: string) => void) | undefined) {
    this.#make = make
    this.#onWarning = onWarning
  }

  /** Does nothing when it is open already. */
  open(): void {
    if (this.#timer !== null || this.#server !== null) return
    const startedAt = new Date()
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#server = this.#serve(startedAt)
    }, OPEN_AFTER_MS)
    this.#timer.unref()
  }

  /** Resolves when nobody is served any more. Never rejects. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const server = this.#server
    this.#server = null
    await (await server)?.close()
  }

  /** A run that nobody can see goes on all the same. */
  async #serve(startedAt: Date): Promise<ControlServer | null> {
    try {
      const { ControlServer: Server } = await import('./control-server.js')
      return await Server.open(this.#make(startedAt))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#onWarning?.(`this run cannot be seen by drover ps: ${reason}`)
      return null
    }
  }
}

/** The same for a run. */
export class RunSocket extends LateSocket {
  constructor(run: RunToSteer, hooks: ControlHooks, onWarning: ((message: string) => void) | undefined) {
    super((startedAt) => runControl(run, hooks, startedAt), onWarning)
  }
}
