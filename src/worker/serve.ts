import { FramesSide } from './frames-side.js'
import { LinesSide } from './lines-side.js'
import { ProcessPoolSide } from './process-pool-side.js'
import { protocolOutput } from './protocol-output.js'
import { readInput } from './read-input.js'
import { RequestQueue } from './request-queue.js'

/** What a handler knows of its request. */
export interface RequestContext {
  /** Aborted when nobody waits for the answer any more. A handler that gives up then saves its worker from being ended. */
  readonly signal: AbortSignal
}

/** What a worker does. */
export interface WorkerDefinition<Request = never, Value = unknown> {
  /**
   * Handles one request. What it returns, or resolves to, is the answer; what it throws is told to who asked, and the worker goes
   * on. What it prints comes back apart from that.
   */
  readonly handle: (request: Request, context: RequestContext) => Value | Promise<Value>
  /** Called once before the worker exits because it was asked to, when all requests are answered. What it prints is told as well. */
  readonly exit?: (() => void | Promise<void>) | undefined
  /** How many requests are handled at once; more than one is of use only to handlers that wait. Default: 1. */
  readonly concurrency?: number | undefined
  /**
   * How to talk. `auto` knows `frames` and `process-pool` apart; `lines` must be asked for. See `docs/protocol.md`. Default: `auto`.
   */
  readonly protocol?: 'auto' | 'frames' | 'lines' | 'process-pool' | undefined
}

/** What answers in one of the protocols. */
export interface ProtocolSide {
  /** What came from the pool. */
  read(chunk: Buffer): void
  /** There is no more to come: finishes what was asked for, and exits. */
  end(): void
}

let isServing = false

/** Whether {@link serve} was called in this process. */
export function hasServed(): boolean {
  return isServing
}

/**
 * Answers requests from standard input, until the pool asks this process to exit or its input ends; then it exits. Standard
 * output belongs to the protocol from now on: what is printed comes to the pool as the output of the request, and what programs
 * write that are started with an inherited descriptor 1 comes as standard error.
 *
 * @throws TypeError when there is no handler; Error when it is called a second time.
 */
export function serve<Request = never, Value = unknown>(definition: WorkerDefinition<Request, Value>): void {
  const { handle, exit, concurrency = 1, protocol = 'auto' } = definition
  if (typeof handle !== 'function') throw new TypeError('serve(): handle must be a function that takes a request')
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new TypeError(`serve(): concurrency must be a whole number of at least 1, not ${String(concurrency)}`)
  }
  if (isServing) throw new Error('serve() was called before; a worker serves once')
  isServing = true
  const output = protocolOutput()
  const make = (name: Exclude<typeof protocol, 'auto'>): ProtocolSide => {
    // Answers have no numbers there.
    const atOnce = name === 'process-pool' ? 1 : concurrency
    const queue = new RequestQueue(handle as (request: never, context: RequestContext) => unknown, atOnce)
    const parts = { output, queue, exit, concurrency: atOnce }
    if (name === 'frames') return new FramesSide(parts)
    return name === 'lines' ? new LinesSide(parts) : new ProcessPoolSide(parts)
  }
  let side: ProtocolSide | null = protocol === 'auto' ? null : make(protocol)
  readInput({
    onChunk: (chunk) => {
      // Frames begin with a length below 2^24, and so with a 0; the other protocol with a digit.
      side ??= make(chunk[0] === 0 ? 'frames' : 'process-pool')
      side.read(chunk)
    },
    onEnd: () => {
      side ??= make('frames')
      side.end()
    },
  })
}
