import { OptionError } from '../task/errors.js'
import type { ResultError } from '../task/result.js'
import { processChannel, publishEnd, tracedStart } from './channels.js'
import type { ProcessMessage } from './messages.js'

/** What is known of a process before its start. */
interface Startable {
  readonly file: string | Uint8Array
  readonly args: readonly (string | Uint8Array)[]
  readonly env?: Readonly<Record<string, string | Uint8Array | null>> | undefined
}

/** What became of one. */
export interface ProcessOutcome {
  readonly pid: number | null
  readonly exit: { readonly exitCode: number | null; readonly signal: string | null } | null
  readonly durationMs: number
  /** Null where it went well. */
  readonly error: ResultError | null
}

/** One process, for who listens to the channel of processes when it starts. */
export class TracedProcess {
  #message: ProcessMessage | null = null

  /** @returns what `start` returns, which gets the environment that subscribers have added to. */
  start<Spec extends Startable, Value>(role: ProcessMessage['role'], spec: Spec, start: (spec: Spec) => Value): Value {
    if (!processChannel.hasSubscribers) return start(spec)
    let added: Record<string, string> | null = Object.create(null) as Record<string, string>
    let hasAny = false
    const setEnv = (name: string, value: string) => {
      checkVariable(name, value)
      if (added === null) return
      added[name] = value
      hasAny = true
    }
    this.#message = { role, file: spec.file, args: spec.args, setEnv }
    return tracedStart(processChannel, this.#message, () => {
      const own = hasAny ? { ...spec, env: { ...added, ...spec.env } } : spec
      added = null
      return start(own)
    })
  }

  end({ pid, exit, durationMs, error }: ProcessOutcome): void {
    const message = this.#message
    if (message === null) return
    this.#message = null
    message.pid = pid
    message.exitCode = exit?.exitCode ?? null
    message.signal = exit?.signal ?? null
    message.durationMs = durationMs
    if (error !== null) message.error = error
    publishEnd(processChannel, message)
  }
}

function checkVariable(name: unknown, value: unknown): void {
  if (typeof name !== 'string' || !/^[^=\0]+$/.test(name))
    throw new OptionError(`setEnv(): expected the name of a variable, not ${JSON.stringify(String(name))}`)
  if (typeof value !== 'string' || value.includes('\0'))
    throw new OptionError(`setEnv(): expected a string without NUL for ${name}, not ${typeof value}`)
}
