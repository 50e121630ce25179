import type { OutputStream } from '../launcher/port.js'
import type { ResultState } from '../task/result.js'

/** Who follows the output of a running task. */
export interface OutputFollower {
  /** A piece of what it prints. */
  onOutput(stream: OutputStream, chunk: Buffer): void
  /** The attempt has ended, and how. */
  onEnd(state: ResultState): void
}

/** How much of a task's newest output is kept while it runs, both streams together. */
const MOST_BYTES = 64 * 1024
/** What is shorter is copied: a piece of a few bytes would keep a whole buffer in memory. */
const SHORT = 16 * 1024

interface Piece {
  readonly stream: OutputStream
  readonly chunk: Buffer
}

/** The newest output of an attempt that runs, in the order in which it came, for who begins to follow it. */
export class RecentOutput {
  #pieces: Piece[] = []
  #first = 0
  #bytes = 0
  #dropped = 0
  #followers: Set<OutputFollower> | null = null

  push(stream: OutputStream, chunk: Buffer): void {
    this.#pieces.push({ stream, chunk: chunk.length < SHORT ? Buffer.from(chunk) : chunk })
    this.#bytes += chunk.length
    while (this.#bytes > MOST_BYTES && this.#first < this.#pieces.length - 1) this.#drop()
    if (this.#followers !== null) for (const follower of this.#followers) follower.onOutput(stream, chunk)
  }

  /** Tells the follower what is kept, at once, and then what comes. */
  follow(follower: OutputFollower): { droppedBytes: number; stop: () => void } {
    for (const { stream, chunk } of this.#pieces.slice(this.#first)) follower.onOutput(stream, chunk)
    this.#followers ??= new Set()
    this.#followers.add(follower)
    return { droppedBytes: this.#dropped, stop: () => void this.#followers?.delete(follower) }
  }

  end(state: ResultState): void {
    const followers = this.#followers
    this.#followers = null
    if (followers !== null) for (const follower of followers) follower.onEnd(state)
  }

  #drop(): void {
    const { length } = this.#pieces[this.#first]!.chunk
    this.#bytes -= length
    this.#dropped += length
    this.#first += 1
    if (this.#first < 64) return
    this.#pieces = this.#pieces.slice(this.#first)
    this.#first = 0
  }
}
