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

/**
 * Blocks of what comes through a pipe, which is read straight to where they are gathered: a stream would make a buffer of each little
 * that a pipe holds, and cost more than all the rest.
 */
export class PipeBlocks {
  readonly #socket: Socket
  readonly #cutter: BlockCutter<Buffer>
  readonly #source: string
  readonly #onMuch: () => void
  /** The blocks that are whole with what was read last; nothing is read before they have been taken. */
  #whole: Iterator<Buffer, void> | null = null
  #first: Buffer | null = null
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
      onread: { buffer: () => this.#cutter.room(), callback: (bytes: number) => this.#onRead(bytes) },
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
        if (this.#first !== null) {
          const first = this.#first
          this.#first = null
          yield first
          yield* { [Symbol.iterator]: () => this.#whole! }
          this.#whole = null
        }
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
  #onRead(bytes: number): boolean {
    try {
      const whole = this.#cutter.filled(bytes)
      const first = whole.next()
      if (first.done === true) return true
      this.#whole = whole
      this.#first = first.value
      this.#count += 1
      if (this.#count === 2) this.#onMuch()
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
