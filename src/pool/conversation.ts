import type { OutputStream } from '../launcher/port.js'
import type { EncodedValue } from './wire/values.js'

/** What the handler of a worker threw, as far as it can be told. */
export interface RemoteError {
  /** The error's name, as in `TypeError`. */
  readonly name: string
  /** Its message; for what is no error, that as text. */
  readonly message: string
  /** Its `code` as text, where it has one. */
  readonly code?: string | undefined
  /** Where it was thrown, in the worker's files. */
  readonly stack?: string | undefined
  /** Its other fields, or the value that was thrown, as far as they can be sent. */
  readonly data?: unknown
}

/** What the other side said. */
export interface ConversationEvents {
  onReady(): void
  onAnswer(id: number, value: unknown): void
  onFailure(id: number, error: RemoteError): void
  /** Printed by the handler of a request, or with id 0 outside of any. The chunk is the receiver's own. */
  onPrinted(id: number, stream: OutputStream, chunk: Buffer): void
  onPong(): void
  /** The worker says that it cannot get ready. */
  onCannotStart(error: RemoteError): void
}

/**
 * The pool's side of one worker's protocol: requests to bytes, bytes to answers. It does no input or output by itself.
 * A new one is made for each worker.
 */
export interface Conversation {
  /** Whether the worker says when it is ready; else it is taken to be so from the start. */
  readonly saysReady: boolean
  /** Whether the worker can be told that nobody waits for an answer any more. */
  readonly canCancel: boolean
  /** Whether it has a message for health; else a request has to do. */
  readonly canPing: boolean
  /** Whether standard error comes with the answer, apart from what comes over the pipe. */
  readonly carriesStderr: boolean
  /**
   * Of the message that is being told: whether it was for its beginning that something could be read at all. Then what the worker had written
   * to standard error before it could be read as well, and is told in this turn of the event loop.
   */
  readonly isFirst: boolean
  /** The request's number, from 1. */
  request(value: EncodedValue): number
  cancel(id: number): void
  ping(): void
  exit(): void
  /** What is to be written to the worker, in order; it is written before anything else is taken of any conversation. */
  take(): Uint8Array[]
  /**
   * What was taken has been written. Where it `isHeld` some of it is not in the pipe yet, and must not change; else all that was ever taken is.
   */
  onWritten?(isHeld: boolean): void
  /**
   * The receiver gives the chunk away.
   *
   * @throws ConversationError when that cannot be; the worker is of no use then.
   */
  read(chunk: Buffer): void
  /** Whether a message was begun and not ended. */
  readonly isInside: boolean
  /** How many requests the worker handles at once. */
  readonly atOnce: number
}

/** A worker said what it may not say. */
export class ConversationError extends Error {
  /** The beginning of what came. */
  readonly output: string

  constructor(message: string, output: Uint8Array) {
    super(message)
    const shown = output.subarray(0, SHOWN_BYTES)
    this.output = Buffer.from(shown.buffer, shown.byteOffset, shown.byteLength).toString()
  }
}

const SHOWN_BYTES = 2048
