import { OptionError } from '../task/errors.js'
import { type Conversation, ConversationError, type ConversationEvents } from './conversation.js'
import { GatheredBytes } from './wire/gathered-bytes.js'
import { Codec, type EncodedValue } from './wire/values.js'

/** `lines` of `docs/protocol.md`: a line in, a line out, in order. */
export class LinesConversation implements Conversation {
  readonly saysReady = false
  readonly canCancel = false
  readonly canPing = false
  readonly carriesStderr = false
  readonly atOnce = 1
  /** An answer may come in several pieces, with something on standard error between. */
  readonly isFirst = false
  readonly #events: ConversationEvents
  readonly #maxBytes: number
  readonly #asText: boolean
  readonly #line = new GatheredBytes()
  #outgoing: Uint8Array[] = []
  #lastId = 0
  #answered = 0
  #isLeaving = false

  /** @param asText - whether an answer is given as a string, or as bytes. */
  constructor(events: ConversationEvents, maxMessageBytes: number, asText: boolean) {
    this.#events = events
    this.#maxBytes = maxMessageBytes
    this.#asText = asText
  }

  get isInside(): boolean {
    return this.#line.length > 0
  }

  request({ body }: EncodedValue): number {
    this.#outgoing.push(typeof body === 'string' ? Buffer.from(`${body}\n`) : body)
    if (typeof body !== 'string') this.#outgoing.push(LINE_END)
    return ++this.#lastId
  }

  cancel(): void {}

  ping(): void {}

  /** The end of its input is all that a program of this kind understands. */
  exit(): void {
    this.#isLeaving = true
  }

  take(): Uint8Array[] {
    const outgoing = this.#outgoing
    this.#outgoing = []
    return outgoing
  }

  read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#answered === this.#lastId) {
        // What it prints on its way out.
        if (this.#isLeaving) return this.#events.onPrinted(0, 'stdout', chunk.subarray(at))
        throw new ConversationError('it printed to its standard output while no request was open', chunk.subarray(at))
      }
      const end = chunk.indexOf(10, at)
      this.#line.append(chunk.subarray(at, end === -1 ? chunk.length : end))
      if (this.#line.length > this.#maxBytes) {
        throw new ConversationError(`it printed a line longer than ${this.#maxBytes} bytes`, this.#line.take())
      }
      if (end === -1) return
      at = end + 1
      this.#answered += 1
      this.#answer(withoutReturn(this.#line.take()))
    }
  }

  #answer(line: Buffer): void {
    this.#events.onPrinted(this.#answered, 'stdout', line)
    this.#events.onAnswer(this.#answered, this.#asText ? line.toString() : line)
  }
}

/** @throws OptionError for what is no line. */
export function encodeLine(data: unknown): EncodedValue {
  if (typeof data === 'string' && !data.includes('\n')) return { codec: Codec.text, body: data }
  if (data instanceof Uint8Array && !data.includes(10)) return { codec: Codec.bytes, body: data }
  const given =
    typeof data === 'string' || data instanceof Uint8Array ? 'several lines' : `a value of type ${typeof data}`
  throw new OptionError(`a request of the protocol lines is one line, a string or bytes, not ${given}`)
}

const LINE_END = Buffer.from('\n')

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line
}
