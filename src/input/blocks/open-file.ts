import { type FileHandle, open } from 'node:fs/promises'
import { InputError } from '../../task/errors.js'
import { cannotRead } from '../source.js'

/** A regular file, or the rest of one, which is read at any place of it. Places are counted from where it begins. */
export class OpenFile {
  /** As people know it. */
  readonly name: string
  readonly begin: number
  readonly size: number
  readonly #handle: FileHandle

  private constructor(name: string, handle: FileHandle, begin: number, end: number) {
    this.name = name
    this.begin = begin
    this.size = Math.max(0, end - begin)
    this.#handle = handle
  }

  /** @throws InputError when it cannot be opened, or has no places to read at. */
  static async open(path: string, name = path, begin = 0): Promise<OpenFile> {
    let handle: FileHandle | null = null
    try {
      handle = await open(path, 'r')
      const stats = await handle.stat()
      if (stats.isFile()) return new OpenFile(name, handle, begin, stats.size)
      const what = stats.isDirectory() ? 'a directory' : 'no regular file'
      throw new InputError(
        { source: name },
        `is ${what}, which cannot be read from several places at once; name a file, or use --pipe`,
      )
    } catch (error) {
      await handle?.close()
      throw cannotRead(name, error)
    }
  }

  /** So many bytes, fewer only at the end. */
  async read(place: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - place)))
    let got = 0
    try {
      while (got < bytes.length) {
        const { bytesRead } = await this.#handle.read(bytes, got, bytes.length - got, this.begin + place + got)
        if (bytesRead === 0) break
        got += bytesRead
      }
    } catch (error) {
      throw cannotRead(this.name, error)
    }
    return bytes.subarray(0, got)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
