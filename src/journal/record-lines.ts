import type { FileHandle } from 'node:fs/promises'

/** One line of a journal, without its newline. */
export interface RecordLine {
  /** Of its first byte in the file. */
  readonly offset: number
  readonly bytes: Buffer
}

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10

/**
 * The lines that lie wholly before `end`, some at a time as they are read. What follows the last newline is no line: it may
 * still be being written.
 */
export async function* recordLines(file: FileHandle, end: number): AsyncGenerator<readonly RecordLine[], void> {
  let position = 0
  let offset = 0
  let begun: Buffer[] = []
  while (position < end) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position))
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position)
    if (bytesRead === 0) return
    position += bytesRead
    const lines: RecordLine[] = []
    let start = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1 && at < bytesRead; at = chunk.indexOf(NEWLINE, start)) {
      const bytes =
        begun.length === 0 ? chunk.subarray(start, at) : Buffer.concat([...begun, chunk.subarray(start, at)])
      begun = []
      lines.push({ offset, bytes })
      offset += bytes.length + 1
      start = at + 1
    }
    if (start < bytesRead) begun.push(chunk.subarray(start, bytesRead))
    yield lines
  }
}

const BLOCK_BYTES = 64 * 1024

/** Where the last whole line before `size` ends: after its newline; 0 when there is none. */
export async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES)
    const { bytesRead } = await file.read(block, 0, end - start, start)
    const at = block.subarray(0, bytesRead).lastIndexOf(NEWLINE)
    if (at !== -1) return start + at + 1
    end = start
  }
  return 0
}
