import { BusyPoll } from '../pool/busy-poll.js'
import { FrameReader, FromWorker, PROTOCOL_VERSION, PrintedTo, ToWorker } from '../pool/wire/frame.js'
import { FrameWriter } from '../pool/wire/frame-writer.js'
import { CLONE_VERSION, decodeValue, type EncodedValue, encodeValue } from '../pool/wire/values.js'
import { errorFields } from './error-fields.js'
import { capturePrinted, type PrintedStream } from './printed-output.js'
import type { ProtocolOutput } from './protocol-output.js'
import type { ProtocolSide } from './serve.js'
import { leave, type SideParts } from './side-parts.js'

/** No limit but that of the format: what the pool sends is its business. */
const MAX_BYTES = 0xffff_ffff

/** The worker's side of `frames`, see `docs/protocol.md`. */
export class FramesSide implements ProtocolSide {
  readonly #parts: SideParts
  readonly #writer = new FrameWriter()
  readonly #reader = new FrameReader(ToWorker, MAX_BYTES, (type, id, payload) => this.#handle(type, id, payload))
  #clones = false
  #poll: BusyPoll | null = null
  #isLeaving = false

  constructor(parts: SideParts) {
    this.#parts = parts
    parts.queue.answerWith({
      onValue: (id, value) => this.#answer(id, value),
      onError: (id, error) => this.#fail(id, error),
    })
    capturePrinted(['stdout', 'stderr'], (request, stream, chunk) => this.#print(request, stream, chunk))
  }

  read(chunk: Buffer): void {
    this.#poll?.came()
    this.#reader.read(chunk)
  }

  end(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#poll?.came()
    void leave(this.#parts)
  }

  #handle(type: number, id: number, payload: Buffer): void {
    switch (type) {
      case ToWorker.hello:
        return this.#greet(payload)
      case ToWorker.request:
        return this.#request(id, payload)
      case ToWorker.cancel:
        return this.#parts.queue.cancel(id)
      case ToWorker.ping:
        this.#writer.empty(FromWorker.pong, id)
        return this.#write()
      default:
        return this.end()
    }
  }

  #greet(payload: Buffer): void {
    const { clone, busyPollMs } = JSON.parse(payload.toString()) as { clone?: unknown; busyPollMs?: unknown }
    this.#clones = clone === CLONE_VERSION
    if (typeof busyPollMs === 'number') this.#poll = new BusyPoll(busyPollMs)
    const { concurrency } = this.#parts
    this.#writer.json(FromWorker.ready, 0, {
      protocol: PROTOCOL_VERSION,
      codecs: ['clone'],
      clone: CLONE_VERSION,
      concurrency,
    })
    this.#write()
  }

  #request(id: number, payload: Buffer): void {
    let request: unknown
    try {
      request = decodeValue(payload)
    } catch (error) {
      return this.#fail(id, error)
    }
    this.#parts.queue.add(id, request)
  }

  #answer(id: number, value: unknown): void {
    let encoded: EncodedValue
    try {
      encoded = encodeValue(value, this.#clones)
    } catch (error) {
      return this.#fail(id, error)
    }
    this.#writer.value(FromWorker.result, id, encoded)
    this.#write()
    if (!this.#isLeaving) this.#poll?.expect()
  }

  #fail(id: number, error: unknown): void {
    this.#writer.json(FromWorker.error, id, errorFields(error))
    this.#write()
  }

  #print(request: number, stream: PrintedStream, chunk: Uint8Array): void {
    this.#writer.tagged(FromWorker.output, request, PrintedTo[stream], chunk)
    this.#write()
  }

  #write(): void {
    this.#parts.output.write(this.#writer.take())
    this.#writer.written()
  }
}

/** Has what is printed before anything is served told to the pool, as nobody's. */
export function tellEarlyOutput(output: ProtocolOutput): void {
  const writer = new FrameWriter()
  capturePrinted(['stdout', 'stderr'], (_request, stream, chunk) => {
    writer.tagged(FromWorker.output, 0, PrintedTo[stream], chunk)
    output.write(writer.take())
    writer.written()
  })
}

/** Tells the pool why this worker cannot get ready, in place of that it is, and exits. */
export function cannotStart(output: ProtocolOutput, error: unknown): never {
  const writer = new FrameWriter()
  writer.json(FromWorker.error, 0, errorFields(error))
  output.write(writer.take())
  process.exit(1)
}
