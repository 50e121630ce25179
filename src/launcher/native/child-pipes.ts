import type { StartSpec } from '../port.js'
import { ChildInput, type InputSink } from './child-input.js'
import type { DirectStreams } from './direct-streams.js'
import { isDirect } from './start-options.js'

/** What is written before it has been started: at so much the writer is asked to wait. */
const MOST_EARLY_BYTES = 65_536

/** What a child reads, through the launcher or through a pipe that this process has itself: that is known when it has been started. */
export class ChildPipes {
  readonly #sink: InputSink
  #input: ChildInput | null = null
  /** What is to be written to a direct child that has not been started yet. */
  #early: { readonly chunks: Uint8Array[]; bytes: number; isEnded: boolean } | null = null
  #direct: DirectStreams | null = null

  constructor(sink: InputSink, spec: StartSpec) {
    this.#sink = sink
    if (isDirect(spec)) this.#early = { chunks: [], bytes: 0, isEnded: false }
    else if (spec.stdin.from === 'pipe' || spec.stdin.from === 'bytes') this.#input = new ChildInput(sink)
  }

  /** The pipes of a direct child, where this process has them. */
  get direct(): DirectStreams | null {
    return this.#direct
  }

  /** Whether {@link connect} is to be called when it has been started. */
  get isUndecided(): boolean {
    return this.#early !== null
  }

  /** Whether something that was written may still be needed. */
  get areHolding(): boolean {
    return this.#direct === null || this.#direct.isHolding
  }

  /** @returns false when the writer should wait. */
  write(chunks: readonly (Uint8Array | string)[]): boolean {
    if (this.#input !== null) {
      let hasRoom = true
      for (const chunk of chunks) hasRoom = this.#input.write(chunk)
      return hasRoom
    }
    const pieces = chunks.map(bytesOf)
    if (this.#direct !== null) return this.#direct.write(pieces)
    if (this.#early === null) return true
    this.#early.chunks.push(...pieces)
    for (const piece of pieces) this.#early.bytes += piece.length
    return this.#early.bytes < MOST_EARLY_BYTES
  }

  end(): void {
    this.#input?.end()
    if (this.#early !== null) this.#early.isEnded = true
    if (this.#direct === null) return
    this.#direct.endInput()
    this.#sink.sendInputEnd()
  }

  /**
   * Decides which way it goes, and sends what has been written meanwhile.
   *
   * @param direct - the pipes; null to have the launcher go on with them.
   * @returns whether a writer that was asked to wait may go on.
   */
  connect(direct: DirectStreams | null): boolean {
    if (this.#early === null) return false
    const { chunks, bytes, isEnded } = this.#early
    this.#early = null
    this.#direct = direct
    if (direct === null) this.#input = new ChildInput(this.#sink)
    const hasRoom = chunks.length === 0 || this.write(chunks)
    if (isEnded) this.end()
    return hasRoom && bytes >= MOST_EARLY_BYTES
  }

  /** @returns whether a writer that was asked to wait may go on. */
  acknowledge(bytes: number): boolean {
    return this.#input?.acknowledge(bytes) ?? false
  }

  /** Nobody reads it any more. @returns whether a writer waits. */
  close(): boolean {
    return this.#direct === null ? (this.#input?.close() ?? false) : this.#direct.stopWriting()
  }

  /** The launcher is gone. */
  destroy(): void {
    this.#input?.close()
    this.#early = null
    this.#direct?.destroy()
  }
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}
