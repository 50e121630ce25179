import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** How often what the server has written is given to the disk. */
const EVERY_MS = 1_000

/**
 * Gives the append-only files of a server to the disk once a second.
 *
 * The server would do that too (`appendfsync everysec`), but while it does, it confirms commands for up to two seconds before they
 * are written, which are lost when it is killed. So it is told to leave that to the system, and then writes each command before it confirms it.
 */
export class DiskSync {
  readonly #folders: readonly string[]
  readonly #sizes = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  #isAtWork = false

  /** @param data - the folder of the server's data. */
  constructor(data: string) {
    // Since Redis 7 they are in a folder of their own.
    this.#folders = [data, join(data, 'appendonlydir')]
    this.#timer = setInterval(() => void this.#sync(), EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #sync(): Promise<void> {
    if (this.#isAtWork) return
    this.#isAtWork = true
    for (const folder of this.#folders) {
      const names = await readdir(folder).catch(() => [])
      for (const name of names) {
        // The server may remove one at any time, and the disk may fail, which the server notices when it writes.
        if (name.endsWith('.aof')) await this.#syncFile(join(folder, name)).catch(() => {})
      }
    }
    this.#isAtWork = false
  }

  async #syncFile(path: string): Promise<void> {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (this.#sizes.get(path) === size) return
      await file.datasync()
      this.#sizes.set(path, size)
    } finally {
      await file.close()
    }
  }
}
