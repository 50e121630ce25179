import { type OutputBlob, PIECE_BYTES } from './blob.js'
import { BlockList } from './block-list.js'
import type { OutputWriter } from './fd-writer.js'
import { ignore, type Maybe } from './maybe.js'
import type { SpillFile } from './spill-file.js'
import type { SpillFolder } from './spill-folder.js'

export interface TaskBufferOptions {
  readonly folder: SpillFolder
  /** What is kept in memory before it goes to a file. Default: 64 KiB. */
  readonly memoryBytes?: number | undefined
  /** What is kept in memory while there is no descriptor for a file. Default: 2 MiB. */
  readonly graceBytes?: number | undefined
}

/**
 * The output of one running task in one stream, in order: the beginning in a file if it is long, the end in memory.
 *
 *   [ file: 0 … fileBytes ][ on its way to the file ][ memory ]
 */
export class TaskBuffer implements OutputBlob {
  readonly #folder: SpillFolder
  readonly #memoryBytes: number
  readonly #graceBytes: number
  #memory = new BlockList()
  #file: SpillFile | null = null
  #fileBytes = 0
  #bytes = 0
  #spilling: Promise<void> | null = null
  #failure: unknown = null
  #discarded = false

  constructor(options: TaskBufferOptions) {
    this.#folder = options.folder
    this.#memoryBytes = options.memoryBytes ?? 64 * 1024
    this.#graceBytes = Math.max(options.graceBytes ?? 2 * 1024 * 1024, this.#memoryBytes)
  }

  /** How many bytes there are, in memory and in the file. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many of them are in memory. */
  get memoryBytes(): number {
    return this.#memory.bytes
  }

  /** All of the bytes, where none of them is in a file; else null. */
  inMemory(): readonly Uint8Array[] | null {
    return this.#file === null && this.#spilling === null ? this.#memory.blocks() : null
  }

  /**
   * Adds bytes; they must not be changed afterwards. A promise is backpressure: the task should wait for it. It rejects
   * with `ERR_DROVER_SPILL` when the bytes could not be kept, and from then on what is added is dropped.
   */
  append(chunk: Uint8Array): Maybe {
    if (this.#discarded || chunk.length === 0) return undefined
    if (this.#failure !== null) return handledRejection(this.#failure)
    this.#memory.add(chunk)
    this.#bytes += chunk.length
    if (this.#memory.bytes <= this.#memoryBytes) return undefined
    return this.#spill()
  }

  /** Writes all bytes in order, in pieces of 256 KiB at the most. Nothing may be added meanwhile. */
  drainTo(writer: OutputWriter): Maybe {
    if (this.inMemory() === null) return this.#drainFile(writer)
    return drainBlocks(this.#memory.blocks(), 0, writer)
  }

  /** Gives the memory and the file back. What is added later is dropped. */
  discard(): void {
    this.#discarded = true
    this.#memory = new BlockList()
    if (this.#spilling === null) this.#file?.close()
  }

  #spill(): Promise<void> {
    if (this.#spilling === null) {
      this.#spilling = this.#moveToFile().finally(() => {
        this.#spilling = null
        if (this.#discarded) this.#file?.close()
      })
      // Those who wait for it hear of a failure, and so do all who add something later.
      this.#spilling.catch(ignore)
    }
    return this.#spilling
  }

  async #moveToFile(): Promise<void> {
    try {
      do {
        this.#file ??= await this.#createFile()
        if (this.#file === null || this.#discarded) return
        await this.#moveBlocks(this.#file)
      } while (this.#memory.bytes > this.#memoryBytes)
    } catch (error) {
      if (this.#discarded) return
      this.#failure = error
      throw error
    }
  }

  #createFile(): Promise<SpillFile | null> {
    return this.#memory.bytes <= this.#graceBytes ? this.#folder.tryCreate() : this.#folder.create()
  }

  async #moveBlocks(file: SpillFile): Promise<void> {
    const moving = this.#memory
    this.#memory = new BlockList()
    try {
      await file.write(moving.blocks(), this.#fileBytes)
      this.#fileBytes += moving.bytes
    } catch (error) {
      // What came before the failure can still be shown.
      for (const block of this.#memory.blocks()) moving.add(block)
      this.#memory = moving
      throw error
    }
  }

  async #drainFile(writer: OutputWriter): Promise<void> {
    await this.#spilling?.catch(ignore)
    for (let at = 0; this.#file !== null && at < this.#fileBytes && writer.broken !== true; at += PIECE_BYTES) {
      await writer.write(await this.#file.read(at, Math.min(PIECE_BYTES, this.#fileBytes - at)))
    }
    await drainBlocks(this.#memory.blocks(), 0, writer)
  }
}

/** A rejection that nobody has to look at. */
function handledRejection(error: unknown): Promise<void> {
  const rejected = Promise.reject(error)
  rejected.catch(ignore)
  return rejected
}

function drainBlocks(blocks: readonly Uint8Array[], first: number, writer: OutputWriter): Maybe {
  for (let i = first; i < blocks.length; i++) {
    const full = writer.write(blocks[i]!)
    if (full === undefined) continue
    return full.then(() => drainBlocks(blocks, i + 1, writer))
  }
  return undefined
}
