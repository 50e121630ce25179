import { Socket } from 'node:net'
import { cannotRead } from '../source.js'
import { BlockCutter } from './block-cutter.js'
import type { CheckedBlockOptions } from './block-options.js'
import { joined } from './blocks.js'

/** A pipe to read from. */
export interface PipeInput {
  readonly pipeFd: number
  /** Called once, when more than a first block has come: it is worth while to have the pipe hold more. */
  readonly onMuch?: (() => void) | undefined
}

const SPARE_BYTES = 64 * 1024

/**
 * Blocks of what comes through a pipe, which is read straight to where they are gathered: a stream would make a buffer of each little
 * that a pipe holds, and cost more than all the rest.
 */
export class PipeBlocks {
  readonly #socket: Socket
  readonly #cutter: BlockCutter<Buffer>
  readonly #source: string
  readonly #onMuch: () => void
  /** The first blocks that are whole with what was read last, and where there are more: nothing is read before they have been taken. */
  #first: Buffer[] = []
  #more: Iterator<Buffer, void> | null = null
  /** Where the next read goes that is asked for while there are more: when they are cut, others get the memory that they are in. */
  readonly #spare = Buffer.allocUnsafeSlow(SPARE_BYTES)
  #hasEnded = false
  #error: { error: unknown } | null = null
  #wake: () => void = () => {}

  #count = 0

  /** @param input - which is this object's from now on. @param source - what it is, for messages. */
  constructor({ pipeFd: fd, onMuch = () => {} }: PipeInput, options: CheckedBlockOptions, source: string) {
    this.#source = source
    this.#onMuch = onMuch
    this.#cutter = new BlockCutter(options, source, joined)
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        // Asked for behind each read, be it that nothing is to be read for the moment.
        buffer: () => (this.#more === null ? this.#cutter.room() : this.#spare),
        callback: (bytes: number, buffer: Uint8Array) => this.#onRead(bytes, buffer),
      },
    } as ConstructorParameters<typeof Socket>[0])
    this.#socket.on('error', (error) => this.#end({ error: cannotRead(this.#source, error) }))
    this.#socket.on('end', () => this.#end(null))
    this.#socket.on('close', () => this.#end(null))
    this.#socket.pause()
  }

  /** To be called once. @throws InputError for a record that is too long, or what cannot be read. */
  async *blocks(): AsyncGenerator<Buffer, void> {
    try {
      for (;;) {
        yield* this.#first.splice(0)
        if (this.#more !== null) yield* { [Symbol.iterator]: () => this.#more! }
        this.#more = null
        if (this.#error !== null) throw this.#error.error
        if (this.#hasEnded) break
        await this.#read()
      }
      yield* this.#cutter.end()
    } finally {
      this.close()
    }
  }

  /** A block that nobody reads any more, so that there may be others in its memory. */
  reuse(block: Buffer): void {
    this.#cutter.reuse(block)
  }

  /** Gives up the pipe; who waits for a block hears that there is none. */
  close(): void {
    this.#socket.destroy()
  }

  #read(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#socket.resume()
    })
  }

  /** @returns whether more may be read. */
  #onRead(bytes: number, buffer: Uint8Array): boolean {
    try {
      const whole =
        buffer === this.#spare ? this.#cutter.push(this.#spare.subarray(0, bytes)) : this.#cutter.filled(bytes)
      const first = whole.next()
      if (first.done === true) return true
      this.#first.push(first.value)
      this.#count += 1
      if (this.#count === 2) this.#onMuch()
      const second = whole.next()
      if (second.done !== true) {
        this.#first.push(second.value)
        this.#more = whole
      }
    } catch (error) {
      this.#error = { error }
    }
    this.#wake()
    return false
  }

  #end(error: { error: unknown } | null): void {
    this.#error ??= error
    this.#hasEnded = true
    this.#wake()
  }
}
