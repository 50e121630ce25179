import { OptionError } from '../task/errors.js'
import { type Conversation, ConversationError, type ConversationEvents } from './conversation.js'
import { Codec, type EncodedValue } from './wire/values.js'

/** No length has more digits. */
const MOST_DIGITS = 10

/** `process-pool` of `docs/protocol.md`: the protocol of ssigwart/process-pool. */
export class ProcessPoolConversation implements Conversation {
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
  #outgoing: Uint8Array[] = []
  #lastId = 0
  #answered = 0
  #digits = ''
  #answer: Buffer | null = null
  #answerBytes = 0
  #leaving = false

  /** @param asText - whether an answer is given as a string, or as bytes. */
  constructor(events: ConversationEvents, maxMessageBytes: number, asText: boolean) {
    this.#events = events
    this.#maxBytes = maxMessageBytes
    this.#asText = asText
  }

  get isInside(): boolean {
    return this.#digits !== '' || this.#answer !== null
  }

  request({ body }: EncodedValue): number {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.#outgoing.push(Buffer.from(`1;${bytes.length}\n`))
    if (bytes.length > 0) this.#outgoing.push(bytes)
    return ++this.#lastId
  }

  cancel(): void {}

  ping(): void {}

  exit(): void {
    this.#leaving = true
    this.#outgoing.push(Buffer.from('0;\n'))
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
        // What it prints on its way out, in whatever form.
        if (this.#leaving) return this.#events.onPrinted(0, 'stdout', chunk.subarray(at))
        throw new ConversationError('it printed to its standard output while no request was open', chunk.subarray(at))
      }
      at = this.#answer === null ? this.#readLength(chunk, at) : this.#readAnswer(this.#answer, chunk, at)
    }
  }

  #readLength(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!
      const isEnd = byte === 59 && this.#digits !== ''
      if (!isEnd && (byte < 48 || byte > 57 || this.#digits.length === MOST_DIGITS)) {
        const output = Buffer.concat([Buffer.from(this.#digits), chunk.subarray(from)])
        throw new ConversationError('its answer does not begin with a length and a semicolon', output)
      }
      if (!isEnd) {
        this.#digits += String.fromCharCode(byte)
        continue
      }
      this.#beginAnswer(Number(this.#digits), chunk.subarray(from))
      return at + 1
    }
    return chunk.length
  }

  #beginAnswer(length: number, output: Buffer): void {
    if (length > this.#maxBytes) {
      throw new ConversationError(`its answer has ${length} bytes, and at most ${this.#maxBytes} are taken`, output)
    }
    this.#digits = ''
    this.#answer = Buffer.allocUnsafeSlow(length)
    this.#answerBytes = 0
    if (length === 0) this.#endAnswer(this.#answer)
  }

  #readAnswer(answer: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(answer, this.#answerBytes, at)
    this.#answerBytes += copied
    if (this.#answerBytes === answer.length) this.#endAnswer(answer)
    return at + copied
  }

  #endAnswer(answer: Buffer): void {
    this.#answer = null
    this.#answered += 1
    if (answer.length > 0) this.#events.onPrinted(this.#answered, 'stdout', answer)
    this.#events.onAnswer(this.#answered, this.#asText ? answer.toString() : answer)
  }
}

/** @throws OptionError for what are no bytes. */
export function encodeBytes(data: unknown): EncodedValue {
  if (typeof data === 'string') return { codec: Codec.text, body: data }
  if (data instanceof Uint8Array) return { codec: Codec.bytes, body: data }
  throw new OptionError(
    `a request of the protocol process-pool is a string or bytes, not a value of type ${typeof data}`,
  )
}
