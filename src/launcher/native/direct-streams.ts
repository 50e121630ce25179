import { closeSync, constants, fstatSync, openSync, writeSync, writevSync } from 'node:fs'
import { Socket } from 'node:net'
import type { OutputStream } from '../port.js'

export interface DirectEvents {
  onOutput(stream: OutputStream, chunk: Buffer): void
  /** The end of what it prints; not called after {@link DirectStreams.closeOutput}. */
  onOutputEnd(stream: OutputStream): void
  /** After {@link DirectStreams.write} had returned false: there is room again. */
  onDrain(): void
  /** Nobody reads its standard input any more; {@link DirectStreams.write} may just have returned false. */
  onInputClosed(): void
}

const READ_BYTES = 262_144

/** What is read is handed on before anything else is read: all of them can read into the same memory. */
let shared: Buffer | null = null

/** The pipes of a child, without anybody between: what is opened here are the ends that the launcher holds. */
export class DirectStreams {
  readonly #events: DirectEvents
  readonly #reusesChunks: boolean
  readonly #inputDescriptor: number
  readonly #input: Socket
  readonly #outputs: Readonly<Record<OutputStream, Socket>>
  #isDeaf = false

  private constructor(descriptors: readonly number[], reusesChunks: boolean, events: DirectEvents) {
    const [stdin, stdout, stderr] = descriptors as [number, number, number]
    this.#events = events
    this.#reusesChunks = reusesChunks
    this.#inputDescriptor = stdin
    this.#input = new Socket({ fd: stdin, readable: false, writable: true })
    this.#input.unref()
    this.#input.on('drain', () => events.onDrain())
    // The launcher tells that nobody reads any more, but what is written until then would be lost without a word.
    this.#input.on('error', () => this.#loseInput())
    this.#outputs = { stdout: this.#reader('stdout', stdout), stderr: this.#reader('stderr', stderr) }
  }

  /**
   * @param launcher - the pid of the launcher.
   * @param numbers - of its descriptors, for standard input, output and error.
   * @param reusesChunks - whether a chunk of standard output is valid during the call only.
   * @returns null where they cannot be opened.
   */
  static open(
    launcher: number,
    numbers: readonly number[],
    reusesChunks: boolean,
    events: DirectEvents,
  ): DirectStreams | null {
    const opened: number[] = []
    try {
      for (const [place, number] of numbers.entries()) {
        const mode = place === 0 ? constants.O_WRONLY : constants.O_RDONLY
        opened.push(openSync(`/proc/${launcher}/fd/${number}`, mode | constants.O_NONBLOCK))
        if (!fstatSync(opened.at(-1)!).isFIFO()) throw new Error('this is no pipe')
      }
      return new DirectStreams(opened, reusesChunks, events)
    } catch {
      for (const descriptor of opened) closeSync(descriptor)
      return null
    }
  }

  /** Writes at once as much as the pipe takes. @returns false when the writer should wait until there is room. */
  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#isDeaf) return true
    let written = this.#input.writableLength === 0 ? this.#writeNow(pieces) : 0
    let hasRoom = true
    for (const piece of pieces) {
      // Who writes on is to hear first that it was in vain.
      if (this.#isDeaf) return false
      if (written < piece.length) hasRoom = this.#input.write(written === 0 ? piece : piece.subarray(written))
      written = Math.max(0, written - piece.length)
    }
    return hasRoom
  }

  /** Whether something that was written is not in the pipe yet. */
  get isHolding(): boolean {
    return !this.#isDeaf && this.#input.writableLength > 0
  }

  /** Closes its standard input, when all is written. */
  endInput(): void {
    this.#input.end()
  }

  /** Drops what has not been written: nobody reads it any more. @returns whether a writer waits for room. */
  stopWriting(): boolean {
    const waits = !this.#isDeaf && this.#input.writableNeedDrain
    this.#isDeaf = true
    this.#input.destroy()
    return waits
  }

  pause(stream: OutputStream): void {
    this.#outputs[stream].pause()
  }

  resume(stream: OutputStream): void {
    this.#outputs[stream].resume()
  }

  /** Reads no more. */
  closeOutput(stream: OutputStream): void {
    this.#outputs[stream].removeAllListeners('close').destroy()
  }

  /** The child is nobody's any more. */
  destroy(): void {
    this.stopWriting()
    this.closeOutput('stdout')
    this.closeOutput('stderr')
  }

  #loseInput(): void {
    if (this.#isDeaf) return
    this.stopWriting()
    process.nextTick(() => this.#events.onInputClosed())
  }

  #writeNow(pieces: readonly Uint8Array[]): number {
    try {
      if (pieces.length === 1) return writeSync(this.#inputDescriptor, pieces[0]!)
      return writevSync(this.#inputDescriptor, pieces)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#loseInput()
      return 0
    }
  }

  #reader(stream: OutputStream, fd: number): Socket {
    shared ??= Buffer.allocUnsafeSlow(READ_BYTES)
    const keeps = stream === 'stderr' || !this.#reusesChunks
    const socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: shared,
        callback: (bytes: number, buffer: Buffer) => {
          const chunk = buffer.subarray(0, bytes)
          this.#events.onOutput(stream, keeps ? Buffer.from(chunk) : chunk)
          return true
        },
      },
    } as ConstructorParameters<typeof Socket>[0])
    socket.unref()
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => this.#events.onOutputEnd(stream))
    socket.resume()
    return socket
  }
}
