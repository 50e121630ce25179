import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AttemptMessage, ProcessMessage, RequestMessage, TaskMessage } from '../messages.js'
import type { Api } from './api.js'

interface Messages {
  readonly task: TaskMessage
  readonly attempt: AttemptMessage
  readonly process: ProcessMessage
  readonly request: RequestMessage
}

type Moment = 'start' | 'end' | 'asyncStart' | 'asyncEnd'

/** Subscriptions that are given up together. What a listener throws goes to OpenTelemetry's own diagnostics, and not to the program. */
export class Listening {
  readonly #api: Api
  readonly #stops: (() => void)[] = []

  constructor(api: Api) {
    this.#api = api
  }

  on<Kind extends keyof Messages>(kind: Kind, moment: Moment, listener: (message: Messages[Kind]) => void): void {
    const name = `tracing:drover:${kind}:${moment}`
    const guarded = (message: unknown) => {
      try {
        listener(message as Messages[Kind])
      } catch (error) {
        this.#api.diag.error(`drover: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    subscribe(name, guarded)
    this.#stops.push(() => unsubscribe(name, guarded))
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }
}
