import { GatheredBytes } from '../pool/wire/gathered-bytes.js'
import { capturePrinted } from './printed-output.js'
import type { ProtocolSide } from './serve.js'
import { errorText, leave, type SideParts } from './side-parts.js'

/**
 * The worker's side of `lines`: a handler gets a line and returns one. What it prints goes to standard error, since nothing
 * but answers may be printed; and so does what it throws, with an empty line for an answer.
 */
export class LinesSide implements ProtocolSide {
  readonly #parts: SideParts
  readonly #line = new GatheredBytes()
  readonly #answers = new Map<number, Buffer>()
  #lastId = 0
  #answered = 0
  #isLeaving = false

  constructor(parts: SideParts) {
    this.#parts = parts
    parts.queue.answerWith({
      onValue: (id, value) => this.#give(id, value),
      onError: (id, error) => this.#fail(id, error),
    })
    capturePrinted(['stdout'], (_request, _stream, chunk) => process.stderr.write(chunk))
  }

  read(chunk: Buffer): void {
    let at = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, at)) {
      this.#line.append(Buffer.from(chunk.subarray(at, end)))
      at = end + 1
      this.#parts.queue.add(++this.#lastId, this.#line.take().toString())
    }
    this.#line.append(Buffer.from(chunk.subarray(at)))
  }

  end(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    if (this.#line.length > 0) this.read(Buffer.from('\n'))
    void leave(this.#parts)
  }

  #give(id: number, value: unknown): void {
    let line: Buffer
    try {
      line = lineOf(value)
    } catch (error) {
      return this.#fail(id, error)
    }
    this.#answer(id, line)
  }

  #fail(id: number, error: unknown): void {
    process.stderr.write(`${errorText(error)}\n`)
    this.#answer(id, lineOf(undefined))
  }

  /** In the order of the requests, whichever was done first. */
  #answer(id: number, line: Buffer): void {
    this.#answers.set(id, line)
    for (let next = this.#answers.get(this.#answered + 1); next !== undefined; ) {
      this.#answered += 1
      this.#answers.delete(this.#answered)
      this.#parts.output.write([next])
      next = this.#answers.get(this.#answered + 1)
    }
  }
}

function lineOf(value: unknown): Buffer {
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
  if (text === undefined) throw new TypeError(`a ${typeof value} cannot be written as JSON`)
  return Buffer.from(`${text.replaceAll('\n', ' ')}\n`)
}
