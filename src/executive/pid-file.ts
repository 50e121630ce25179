import { readFile, rename, unlink, writeFile } from 'node:fs/promises'

/** A file with the pid of this process, for whoever wants to send it a signal. */
export class PidFile {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Puts it there whole, in place of one that is there. @throws the system's error. */
  static async write(path: string): Promise<PidFile> {
    const unfinished = `${path}.${process.pid}`
    // What is left of an earlier process of this number, or was put there by somebody else, is not written into.
    await unlink(unfinished).catch(() => {})
    await writeFile(unfinished, `${process.pid}\n`, { mode: 0o644, flag: 'wx' })
    try {
      await rename(unfinished, path)
    } catch (error) {
      await unlink(unfinished).catch(() => {})
      throw error
    }
    return new PidFile(path)
  }

  /** Removes it, unless another has put his there. Never rejects. */
  async remove(): Promise<void> {
    try {
      if ((await readFile(this.#path, 'utf8')) === `${process.pid}\n`) await unlink(this.#path)
    } catch {
      // It is gone already.
    }
  }
}
