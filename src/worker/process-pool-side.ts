import { GatheredBytes } from '../pool/wire/gathered-bytes.js'
import { capturePrinted } from './printed-output.js'
import type { ProtocolSide } from './serve.js'
import { errorText, leave, type SideParts } from './side-parts.js'

/**
 * The worker's side of `process-pool`: an answer is what the handler printed, followed by what it returned. What it throws goes to
 * standard error, and ends the worker, which is how a worker of this protocol tells that it failed.
 */
export class ProcessPoolSide implements ProtocolSide {
  readonly #parts: SideParts
  readonly #printed = new Map<number, GatheredBytes>()
  readonly #input = new GatheredBytes()
  /** Bytes of the request that is being read; null while its head is. */
  #wanted: number | null = null
  #lastId = 0
  #isLeaving = false

  constructor(parts: SideParts) {
    this.#parts = parts
    parts.queue.answerWith({
      onValue: (id, value) => this.#answer(id, value),
      onError: (_id, error) => this.#giveUp(error),
    })
    capturePrinted(['stdout'], (request, _stream, chunk) => this.#gather(request).append(Buffer.from(chunk)))
  }

  read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#isLeaving) {
      at = this.#wanted === null ? this.#readHead(chunk, at) : this.#readData(this.#wanted, chunk, at)
    }
  }

  end(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    void leave(this.#parts)
    process.once('exit', () => {
      const said = this.#gather(0).take()
      if (said.length > 0) this.#write(said)
    })
  }

  #readHead(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(10, at)
    this.#input.append(Buffer.from(chunk.subarray(at, end === -1 ? chunk.length : end)))
    if (end === -1) return chunk.length
    const head = this.#input.take().toString('latin1')
    if (head === '0;') this.end()
    else if (/^1;\d+$/.test(head)) this.#expect(Number(head.slice(2)))
    else throw new Error(`expected "1;<bytes>" or "0;" from the pool, not ${JSON.stringify(head.slice(0, 80))}`)
    return end + 1
  }

  #expect(bytes: number): void {
    if (bytes === 0) this.#request(Buffer.alloc(0))
    else this.#wanted = bytes
  }

  #readData(wanted: number, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + wanted - this.#input.length)
    this.#input.append(Buffer.from(chunk.subarray(at, end)))
    if (this.#input.length === wanted) {
      this.#wanted = null
      this.#request(this.#input.take())
    }
    return end
  }

  #request(data: Buffer): void {
    this.#lastId += 1
    this.#parts.queue.add(this.#lastId, data.toString())
  }

  #answer(id: number, value: unknown): void {
    const printed = this.#gather(id)
    if (value instanceof Uint8Array) printed.append(Buffer.from(value))
    else if (value !== undefined) printed.append(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
    this.#printed.delete(id)
    this.#write(printed.take())
  }

  #giveUp(error: unknown): void {
    process.stderr.write(`${errorText(error)}\n`)
    process.exit(1)
  }

  #write(data: Buffer): void {
    this.#parts.output.write([Buffer.from(`${data.length};`), data])
  }

  #gather(request: number): GatheredBytes {
    let printed = this.#printed.get(request)
    if (printed === undefined) {
      printed = new GatheredBytes()
      this.#printed.set(request, printed)
    }
    return printed
  }
}
