import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Attempt, Result } from '../task/result.js'
import { JournalError, readingErrorOf } from './journal-error.js'
import { hasAllFields } from './record-fields.js'
import { endOfLines, type RecordLine, recordLines } from './record-lines.js'
import { beginsRecord, FORMAT_VERSION, parseRecord, type RunRecord } from './records.js'

/** A line of a journal that is no record, as a power cut can leave it. */
export interface DamagedLine {
  /** Of its first byte in the file. */
  readonly offset: number
  /** How long it is, in bytes, without its newline. */
  readonly bytes: number
}

/** A record and where it stands in the file, in bytes. */
export interface FoundRecord {
  readonly offset: number
  readonly bytes: number
  readonly record: Result | Attempt
}

const FIRST_BYTES = 64 * 1024
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const CLOSE_BRACE = 0x7d

/** A journal that is only read: up to where it ended when it was opened, without a lock, and nothing is changed. */
export class JournalFile {
  readonly #path: string
  readonly #handle: FileHandle
  /** Where the last line ends; what follows may still be being written. */
  readonly #end: number
  /** A last record that lacks nothing but its newline. */
  readonly #last: RecordLine | null

  private constructor(path: string, handle: FileHandle, end: number, last: RecordLine | null) {
    this.#path = path
    this.#handle = handle
    this.#end = end
    this.#last = last
  }

  /** @throws (as a rejection) JournalError when it is missing, cannot be read, or is something else. */
  static async open(path: string): Promise<JournalFile> {
    let handle: FileHandle | null = null
    try {
      // Not to wait for a writer, should it be a pipe.
      handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
      const size = await sizeOf(handle, path)
      await checkBeginning(handle, path, size)
      const end = await endOfLines(handle, size)
      return new JournalFile(path, handle, end, await lastRecord(handle, end, size))
    } catch (error) {
      await handle?.close()
      throw readingErrorOf(path, error)
    }
  }

  /**
   * All results and attempts, some at a time, in the order of the file.
   *
   * @param onRun - called with the head of each run, before what follows it in the file is given.
   * @throws JournalError when it cannot be read, or at the head of a run in a later format.
   */
  async *records(
    onDamage?: (line: DamagedLine) => void,
    onRun?: (run: RunRecord) => void,
  ): AsyncGenerator<readonly FoundRecord[], void> {
    for await (const lines of this.#lines()) {
      const found: FoundRecord[] = []
      for (const { offset, bytes } of lines) {
        if (bytes.length === 0) continue
        const record = parseRecord(bytes)
        if (record?.type === 'run') {
          checkVersion(this.#path, record.version)
          onRun?.(record)
        } else if (record !== null && hasAllFields(record)) {
          found.push({ offset, bytes: bytes.length, record })
        } else onDamage?.({ offset, bytes: bytes.length })
      }
      if (found.length > 0) yield found
    }
  }

  /** Reads a record again that {@link JournalFile.records} has given. */
  async recordAt({ offset, bytes }: Pick<FoundRecord, 'offset' | 'bytes'>): Promise<Result | Attempt> {
    const record = parseRecord(await this.#read(offset, bytes))
    if (record !== null && record.type !== 'run') return record
    throw new JournalError(this.#path, 'was changed while it was read; read it again')
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async *#lines(): AsyncGenerator<readonly RecordLine[], void> {
    try {
      for await (const lines of recordLines(this.#handle, this.#end)) yield lines
    } catch (error) {
      throw readingErrorOf(this.#path, error)
    }
    if (this.#last !== null) yield [this.#last]
  }

  async #read(offset: number, bytes: number): Promise<Buffer> {
    try {
      return await readAt(this.#handle, offset, bytes)
    } catch (error) {
      throw readingErrorOf(this.#path, error)
    }
  }
}

async function sizeOf(handle: FileHandle, path: string): Promise<number> {
  const stat = await handle.stat()
  if (stat.isDirectory()) throw new JournalError(path, 'is a directory; name a file')
  if (!stat.isFile()) throw new JournalError(path, 'is no ordinary file; it is read twice, so write it to a file first')
  return stat.size
}

/** So that a mistaken file is not read to its end, which may be far away. */
async function checkBeginning(handle: FileHandle, path: string, size: number): Promise<void> {
  const head = await readAt(handle, 0, Math.min(FIRST_BYTES, size))
  // Of a new journal after a power cut there may be nothing but this.
  if (size <= FIRST_BYTES && head.every((byte) => byte === 0)) return
  if (head[0] === OPEN_BRACKET)
    throw new JournalError(path, 'is a JSON array; name one with a result a line, as drover run --json prints it')
  const lines = head.toString('latin1').split('\n')
  const rest = lines.pop()!
  if (lines.some((line) => parseRecord(Buffer.from(line, 'latin1')) !== null)) return
  if (beginsRecord(rest) && (rest.length > 1 || lines.length === 0)) return
  throw new JournalError(
    path,
    'holds no records of drover; name a file that drover run --journal or --json has written',
  )
}

function checkVersion(path: string, version: number): void {
  if (version <= FORMAT_VERSION) return
  throw new JournalError(
    path,
    `has format version ${version}, and this drover knows ${FORMAT_VERSION}; use a later one`,
  )
}

/** What follows the last newline, where it is a whole record, as when somebody has edited the file. */
async function lastRecord(handle: FileHandle, end: number, size: number): Promise<RecordLine | null> {
  // Looked at first, as a tail of NULs may be of any length.
  if (size === end || (await readAt(handle, end, 1))[0] !== OPEN_BRACE) return null
  if ((await readAt(handle, size - 1, 1))[0] !== CLOSE_BRACE) return null
  const bytes = await readAt(handle, end, size - end)
  return parseRecord(bytes) === null ? null : { offset: end, bytes }
}

async function readAt(handle: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes)
  const { bytesRead } = await handle.read(buffer, 0, bytes, offset)
  return buffer.subarray(0, bytesRead)
}
