import type { AppendSystem } from '../../src/journal/append-system.js'

type Call = keyof AppendSystem

/** A file with the failures that a test wants. What it holds and what of that is on the disk are two things. */
export class FakeDisk implements AppendSystem {
  content = Buffer.alloc(0)
  /** How many bytes a power cut would leave. */
  syncedBytes = 0
  /** How many bytes fit. */
  room = Number.POSITIVE_INFINITY
  names = 1
  /** How many bytes the next call takes at the most. */
  atMost: () => number = () => Number.POSITIVE_INFINITY
  /** The codes with which calls fail, as long as they are there. */
  readonly failures: Partial<Record<Call, string>> = {}
  readonly calls: Call[] = []
  readonly #held = new Map<Call, Promise<void>>()

  /** Calls of a kind go on when what this returns is called. */
  hold(call: Call): () => void {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    this.#held.set(call, gate)
    return () => {
      this.#held.delete(call)
      release()
    }
  }

  count(call: Call): number {
    return this.calls.filter((made) => made === call).length
  }

  async writev(_fd: number, pieces: readonly Uint8Array[]): Promise<number> {
    await this.#called('writev')
    if (pieces.length > 1024) throw failure('EINVAL')
    const bytes = Buffer.concat(pieces)
    const room = this.room - this.content.length
    if (bytes.length > 0 && room <= 0) throw failure('ENOSPC')
    const taken = bytes.subarray(0, Math.max(0, Math.min(bytes.length, room, this.atMost())))
    this.content = Buffer.concat([this.content, taken])
    return taken.length
  }

  async sync(): Promise<void> {
    const { length } = this.content
    await this.#called('sync')
    this.syncedBytes = length
  }

  async truncate(_fd: number, size: number): Promise<void> {
    await this.#called('truncate')
    this.content = this.content.subarray(0, size)
  }

  async links(): Promise<number> {
    await this.#called('links')
    return this.names
  }

  async #called(call: Call): Promise<void> {
    this.calls.push(call)
    await this.#held.get(call)
    const code = this.failures[call]
    if (code !== undefined) throw failure(code)
  }
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`pretended ${code}`), { code })
}
