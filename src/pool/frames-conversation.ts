import { type Conversation, ConversationError, type ConversationEvents, type RemoteError } from './conversation.js'
import { FrameError, FrameReader, FromWorker, PROTOCOL_VERSION, PrintedTo, ToWorker } from './wire/frame.js'
import { FrameWriter } from './wire/frame-writer.js'
import { CLONE_VERSION, decodeValue, type EncodedValue, withoutClone } from './wire/values.js'

/** `frames` of `docs/protocol.md`. */
export class FramesConversation implements Conversation {
  readonly saysReady = true
  readonly canCancel = true
  readonly canPing = true
  readonly carriesStderr = true
  atOnce = 1
  isFirst = false
  readonly #events: ConversationEvents
  readonly #writer = new FrameWriter()
  readonly #reader: FrameReader
  readonly #open = new Set<number>()
  #lastId = 0
  #clones: boolean
  #isReady = false
  /** Whether nothing that was read now has been told. */
  #isFresh = false
  /** Whether the last read may not have been all that there was. */
  #wasFull = false

  /**
   * @param clones - whether the worker is known to read clones before it has said so.
   * @param busyPollMs - for how long the worker may look for the next request.
   */
  constructor(events: ConversationEvents, maxMessageBytes: number, clones: boolean, busyPollMs: number) {
    this.#events = events
    this.#clones = clones
    this.#reader = new FrameReader(FromWorker, maxMessageBytes, (type, id, payload) => this.#handle(type, id, payload))
    this.#writer.json(ToWorker.hello, 0, {
      protocol: PROTOCOL_VERSION,
      codecs: ['clone'],
      clone: CLONE_VERSION,
      ...(busyPollMs > 0 && { busyPollMs }),
    })
  }

  get isInside(): boolean {
    return this.#reader.isInside
  }

  request(value: EncodedValue): number {
    do this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1
    while (this.#open.has(this.#lastId))
    this.#open.add(this.#lastId)
    this.#writer.value(ToWorker.request, this.#lastId, this.#clones ? value : withoutClone(value))
    return this.#lastId
  }

  cancel(id: number): void {
    this.#writer.empty(ToWorker.cancel, id)
  }

  ping(): void {
    this.#writer.empty(ToWorker.ping, 1)
  }

  exit(): void {
    this.#writer.empty(ToWorker.exit, 0)
  }

  take(): Uint8Array[] {
    return this.#writer.take()
  }

  onWritten(isHeld: boolean): void {
    if (isHeld) this.#writer.held()
    else this.#writer.written()
  }

  read(chunk: Buffer): void {
    this.#isFresh = !this.#reader.isInside && !this.#wasFull
    // More may have come while it was read.
    this.#wasFull = chunk.length % FULL_READ === 0
    try {
      this.#reader.read(chunk)
    } catch (error) {
      if (error instanceof FrameError)
        throw new ConversationError('wrote to its standard output what is no frame', chunk)
      throw error
    }
  }

  #handle(type: number, id: number, payload: Buffer): void {
    this.isFirst = this.#isFresh
    this.#isFresh = false
    if (!this.#isReady) return this.#handleFirst(type, id, payload)
    switch (type) {
      case FromWorker.result:
        this.#close(id, payload)
        return this.#events.onAnswer(id, decoded(payload))
      case FromWorker.error:
        this.#close(id, payload)
        return this.#events.onFailure(id, remoteErrorOf(payload))
      case FromWorker.output:
        return this.#printed(id, payload)
      case FromWorker.pong:
        return this.#events.onPong()
      default:
        throw new ConversationError('it said that it is ready a second time', payload)
    }
  }

  #handleFirst(type: number, id: number, payload: Buffer): void {
    if (type === FromWorker.output && id === 0) return this.#printed(id, payload)
    if (type === FromWorker.error && id === 0) return this.#events.onCannotStart(remoteErrorOf(payload))
    if (type !== FromWorker.ready) throw new ConversationError('it answered before it said that it is ready', payload)
    const { protocol, clone, concurrency } = jsonOf(payload) as Record<string, unknown>
    if (protocol !== PROTOCOL_VERSION) {
      throw new ConversationError(
        `it speaks version ${String(protocol)} of the protocol, and this pool ${PROTOCOL_VERSION}`,
        payload,
      )
    }
    this.#clones = clone === CLONE_VERSION
    if (typeof concurrency === 'number' && concurrency > 1) this.atOnce = concurrency
    this.#isReady = true
    this.#events.onReady()
  }

  #printed(id: number, payload: Buffer): void {
    const stream = payload[0] === PrintedTo.stdout ? 'stdout' : 'stderr'
    if (id !== 0 && !this.#open.has(id))
      throw new ConversationError(`it printed for request ${id}, which is not open`, payload)
    if (payload.length > 1) this.#events.onPrinted(id, stream, Buffer.from(payload.subarray(1)))
  }

  #close(id: number, payload: Buffer): void {
    if (!this.#open.delete(id)) throw new ConversationError(`it answered request ${id}, which is not open`, payload)
  }
}

/** Reads that find more than they have room for are multiples of it. */
const FULL_READ = 65_536

const LAST_ID = 0xffffffff

function decoded(payload: Buffer): unknown {
  try {
    return decodeValue(payload)
  } catch (error) {
    throw new ConversationError(`its answer cannot be read: ${(error as Error).message}`, payload)
  }
}

function jsonOf(payload: Buffer): object {
  try {
    const content: unknown = JSON.parse(payload.toString())
    if (typeof content === 'object' && content !== null) return content
  } catch {}
  throw new ConversationError('a message that has to be a JSON object is not', payload)
}

function remoteErrorOf(payload: Buffer): RemoteError {
  const { name, message, code, stack, data } = jsonOf(payload) as Record<string, unknown>
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    code: typeof code === 'string' ? code : undefined,
    stack: typeof stack === 'string' ? stack : undefined,
    data,
  }
}
