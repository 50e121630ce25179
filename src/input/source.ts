import { close, createReadStream, fstat, open, read, type Stats } from 'node:fs'
import { Socket } from 'node:net'
import { getSystemErrorMap, promisify } from 'node:util'
import { InputError } from '../task/errors.js'

/** Something that bytes are read from. */
export interface Source {
  /** As the user named it, or `stdin`. */
  readonly name: string
  /** Whether it is a regular file, which can be read twice. */
  readonly isRegular: boolean
  /** The bytes. A second reading of a regular file gives no more of it than the first one did. */
  chunks(): AsyncIterable<Buffer>
  /** Gives up what is held; a read that is waiting ends. May be called twice. */
  close(): Promise<void>
}

type StdinStream = NodeJS.ReadableStream | AsyncIterable<Buffer>

const CHUNK_BYTES = 256 * 1024
const files = { open: promisify(open), fstat: promisify(fstat), read: promisify(read), close: promisify(close) }

/** Standard input; always read as a stream. */
export function stdinSource(stdin: StdinStream, name = 'stdin'): Source {
  return streamSource(name, stdin as AsyncIterable<Uint8Array | string>, async () => {
    if ('destroy' in stdin && typeof stdin.destroy === 'function') stdin.destroy()
  })
}

/**
 * Opens a file, once: replacing it afterwards does no harm.
 *
 * @throws InputError with the system's reason where it cannot be read
 */
export async function openSource(path: string): Promise<Source> {
  let fd: number | null = null
  try {
    fd = await files.open(path, 'r')
    const stats = await files.fstat(fd)
    if (stats.isDirectory()) throw new InputError({ source: path }, 'is a directory; name a file in it (EISDIR)')
    return stats.isFile() ? new FileSource(path, fd) : deviceSource(path, fd, stats)
  } catch (error) {
    if (fd !== null) await files.close(fd)
    throw cannotRead(path, error)
  }
}

class FileSource implements Source {
  readonly name: string
  readonly isRegular = true
  #fd: number | null
  #size = Number.POSITIVE_INFINITY

  constructor(name: string, fd: number) {
    this.name = name
    this.#fd = fd
  }

  async *chunks(): AsyncGenerator<Buffer> {
    let position = 0
    while (this.#fd !== null && position < this.#size) {
      const length = Math.min(CHUNK_BYTES, this.#size - position)
      const { bytesRead, buffer } = await this.#read(this.#fd, length, position)
      if (bytesRead === 0) break
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
    if (this.#fd !== null) this.#size = Math.min(this.#size, position)
  }

  async close(): Promise<void> {
    const fd = this.#fd
    this.#fd = null
    if (fd !== null) await files.close(fd)
  }

  async #read(fd: number, length: number, position: number) {
    try {
      return await files.read(fd, Buffer.allocUnsafeSlow(length), 0, length, position)
    } catch (error) {
      throw cannotRead(this.name, error)
    }
  }
}

/** Pipes go through a socket, because a waiting read would hold a thread that file operations need. */
function deviceSource(path: string, fd: number, stats: Stats): Source {
  const stream = stats.isFIFO() || stats.isSocket() ? new Socket({ fd, readable: true, writable: false }) : undefined
  const readable = stream ?? createReadStream('', { fd })
  return streamSource(path, readable, async () => void readable.destroy())
}

function streamSource(name: string, stream: AsyncIterable<Uint8Array | string>, end: () => Promise<void>): Source {
  return {
    name,
    isRegular: false,
    close: end,
    async *chunks() {
      try {
        for await (const chunk of stream) yield asBuffer(chunk)
      } catch (error) {
        throw cannotRead(name, error)
      }
    },
  }
}

function asBuffer(chunk: string | Uint8Array): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

/** The same chunks without a byte order mark (EF BB BF) at the start. */
export async function* withoutByteOrderMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const mark = Buffer.from('\ufeff')
  let start: Buffer | null = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (start === null) {
      yield chunk
      continue
    }
    start = Buffer.concat([start, chunk])
    if (start.length < mark.length && mark.subarray(0, start.length).equals(start)) continue
    yield start.subarray(0, mark.length).equals(mark) ? start.subarray(mark.length) : start
    start = null
  }
  if (start !== null && start.length > 0) yield start
}

/** The error for people, where it is one of the system's. */
export function cannotRead(name: string, error: unknown): unknown {
  if (error instanceof InputError) return error
  const { code, errno } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const reason = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]
  const advice: Record<string, string> = {
    ENOENT: 'check its name and the directory that drover was started in',
    ENOTDIR: 'check its name',
    ELOOP: 'check the symbolic links',
    EACCES: 'let this user read it, or run drover as one who may',
    EPERM: 'let this user read it, or run drover as one who may',
    EISDIR: 'name a file',
    EMFILE: 'raise the limit of open files (ulimit -n)',
  }
  const todo = advice[code] === undefined ? '' : `; ${advice[code]}`
  return new InputError({ source: name }, `cannot be read: ${reason ?? code} (${code})${todo}`, { cause: error })
}
