import { constants, rmSync } from 'node:fs'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { beginsRecord, parseRecord } from '../journal/records.js'
import { DroverError, OptionError } from '../task/errors.js'
import { uniqueId } from '../task/unique-id.js'

const FIRST_BYTES = 64 * 1024

/** Files that are being written, under the names that they have until they are whole. */
const unfinished = new Set<string>()

/** For who dies of a signal: nothing else would ever remove them. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true })
}

export interface ReportFileOptions {
  /** Whether a file that no report is must stay. */
  readonly keepsOthers: boolean
  /** Whether the beginning of a file says that drover has made it, as one of this kind. */
  readonly isOurs: (beginning: string) => boolean
  /** What it is made of, which must stay however it begins. */
  readonly source: string
}

/**
 * A file that is there whole or not at all: written under another name beside it, and moved to its place at the end. Only its owner can
 * read it. What is no ordinary file, such as a pipe, is written to directly.
 */
export class ReportFile {
  readonly path: string
  readonly #handle: FileHandle
  /** Null where it is written to directly. */
  readonly #temporary: string | null
  #bytes = 0

  private constructor(path: string, handle: FileHandle, temporary: string | null) {
    this.path = path
    this.#handle = handle
    this.#temporary = temporary
  }

  /** @throws (as a rejection) OptionError when nothing can be written there, or what is there should stay. */
  static async create(path: string, options: ReportFileOptions): Promise<ReportFile> {
    try {
      const target = await realpath(path).catch(() => path)
      const found = await stat(target).catch(() => null)
      if (found?.isDirectory()) throw new OptionError(`${path} is a directory; name a file`)
      if (found !== null && !found.isFile()) return new ReportFile(path, await open(target, constants.O_WRONLY), null)
      if (found !== null) await checkReplaceable(path, target, options)
      const temporary = join(dirname(target), `.${basename(target)}.${uniqueId()}`)
      const { O_WRONLY, O_CREAT, O_EXCL } = constants
      unfinished.add(temporary)
      return new ReportFile(path, await open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600), temporary)
    } catch (error) {
      throw writingError(path, error)
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns true, as more is wanted. */
  async write(text: string): Promise<boolean> {
    const bytes = Buffer.from(text)
    try {
      for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at)).bytesWritten
    } catch (error) {
      throw writingError(this.path, error)
    }
    this.#bytes += bytes.length
    return true
  }

  /** Puts it in its place. */
  async finish(): Promise<void> {
    try {
      await this.#handle.close()
      if (this.#temporary !== null) await rename(this.#temporary, await realpath(this.path).catch(() => this.path))
      unfinished.delete(this.#temporary ?? '')
    } catch (error) {
      throw writingError(this.path, error)
    }
  }

  /** Leaves what was there before. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {})
    if (this.#temporary === null) return
    await rm(this.#temporary, { force: true })
    unfinished.delete(this.#temporary)
  }
}

async function checkReplaceable(
  path: string,
  target: string,
  { keepsOthers, isOurs, source }: ReportFileOptions,
): Promise<void> {
  const file = await open(target, constants.O_RDONLY)
  try {
    const [there, journal] = await Promise.all([file.stat(), stat(source)])
    if (there.dev === journal.dev && there.ino === journal.ino)
      throw new OptionError(`${path} is the journal itself; name another file with -o`)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0)
    const beginning = buffer.toString('latin1', 0, bytesRead)
    if (bytesRead > 0 && holdsRecord(beginning))
      throw new OptionError(`${path} is a journal, which was left as it is; name another file with -o`)
    if (keepsOthers && bytesRead > 0 && !isOurs(beginning))
      throw new OptionError(`${path} is there and is no report; name the file with -o to replace it, or another one`)
  } finally {
    await file.close()
  }
}

/** A power cut may have damaged its first lines. */
function holdsRecord(beginning: string): boolean {
  return (
    beginsRecord(beginning) ||
    beginning.split('\n').some((line) => line.startsWith('{') && parseRecord(Buffer.from(line, 'latin1')) !== null)
  )
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the quota is used up; free some space',
  EROFS: 'the file system can only be read; name a file elsewhere with -o',
  EACCES: 'permission denied; name a file elsewhere with -o',
  EPERM: 'permission denied; name a file elsewhere with -o',
  ENOENT: 'its directory does not exist; make it first',
  ENOTDIR: 'a part of its path is no directory; check the path',
  EPIPE: 'its reader has left',
}

/** One that is not the user's fault, as a full disk, is not an OptionError. */
function writingError(path: string, error: unknown): unknown {
  if (error instanceof DroverError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  const words = `${path} cannot be written: ${ADVICE[code] ?? message}`
  return ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS'].includes(code)
    ? new OptionError(words)
    : new DroverError('ERR_DROVER_REPORT', words, { cause: error })
}
