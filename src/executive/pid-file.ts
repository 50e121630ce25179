import { readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { DroverError } from '../task/errors.js'

/** A file with the pid of this process, for whoever wants to send it a signal. */
export class PidFile {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Puts it there whole, in place of one that is there. @throws DroverError with the system's code. */
  static async write(path: string): Promise<PidFile> {
    try {
      await putPid(path)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const next = 'name a file in a directory that is there and that this user can write to'
      throw new DroverError(code ?? 'EIO', `pidFile: ${path} cannot be written (${message}); ${next}`, { cause: error })
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

async function putPid(path: string): Promise<void> {
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
}
