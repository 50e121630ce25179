import type { FileHandle } from 'node:fs/promises'
import { JournalError } from './journal-error.js'
import { endOfLines } from './record-lines.js'
import { BEGINNINGS, FORMAT_VERSION, parseRecord } from './records.js'

const BLOCK_BYTES = 64 * 1024

/**
 * Makes sure that a file is a journal, and that what is appended begins a new line. A last line that is torn, or a tail of
 * NULs, as a crash or a power cut leaves them, is cut off: nobody was told of it.
 *
 * @param path - for messages.
 * @returns the size, and how many bytes were cut off.
 * @throws JournalError when it is something else, or of a later format; nothing was changed then.
 */
export async function repairEnd(file: FileHandle, path: string): Promise<{ size: number; cutBytes: number }> {
  const { size } = await file.stat()
  await checkBeginning(file, path, size)
  if (size === 0) return { size, cutBytes: 0 }
  const end = await endOfLines(file, size)
  if (end === size) return { size, cutBytes: 0 }
  const tail = Buffer.alloc(size - end)
  await file.read(tail, 0, tail.length, end)
  // Somebody has edited it and left out the last newline.
  if (parseRecord(tail) !== null) {
    await file.appendFile('\n')
    return { size: size + 1, cutBytes: 0 }
  }
  await file.truncate(end)
  return { size: end, cutBytes: size - end }
}

/** @throws JournalError for a file that is something else, or of a later format. */
export async function checkBeginning(file: FileHandle, path: string, size: number): Promise<void> {
  if (size === 0) return
  const head = Buffer.alloc(Math.min(BLOCK_BYTES, size))
  await file.read(head, 0, head.length, 0)
  const newline = head.indexOf('\n')
  const isWhole = newline !== -1 || size <= BLOCK_BYTES
  const first = newline === -1 ? head : head.subarray(0, newline)
  const text = first.toString('latin1')
  const record = isWhole ? parseRecord(first) : null
  const isBeginning = BEGINNINGS.some((beginning) => text.startsWith(beginning)) && (record !== null || !isJson(text))
  if (!isBeginning && (newline !== -1 || !(await isTornBeginning(file, text, size)))) {
    throw new JournalError(path, 'is some other file, which was left as it is; name a new file, or one from --journal')
  }
  if (record?.type === 'run' && record.version !== FORMAT_VERSION) {
    throw new JournalError(
      path,
      `has format version ${record.version}, and this drover knows ${FORMAT_VERSION}; use a later one`,
    )
  }
}

/** Whether a file has nothing but a part of the very first word, as when its first record was torn, or its blocks never written. */
async function isTornBeginning(file: FileHandle, text: string, size: number): Promise<boolean> {
  const word = text.replace(/\0+$/, '')
  if (!BEGINNINGS.some((beginning) => beginning.startsWith(word))) return false
  const block = Buffer.alloc(BLOCK_BYTES)
  for (let at = word.length; at < size; ) {
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, at)
    if (bytesRead === 0 || block.subarray(0, bytesRead).some((byte) => byte !== 0)) return false
    at += bytesRead
  }
  return true
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
