import type { FileHandle } from 'node:fs/promises'
import { JournalError } from './journal-error.js'
import { endOfLines } from './record-lines.js'
import { beginsRecord, FORMAT_VERSION, parseRecord } from './records.js'

const FIRST_BYTES = 64 * 1024

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
  if (size === 0) return { size, cutBytes: 0 }
  await checkBeginning(file, path, size)
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

async function checkBeginning(file: FileHandle, path: string, size: number): Promise<void> {
  const head = Buffer.alloc(Math.min(FIRST_BYTES, size))
  await file.read(head, 0, head.length, 0)
  const newline = head.indexOf('\n')
  const first = newline === -1 ? head : head.subarray(0, newline)
  if (newline === -1 && size <= FIRST_BYTES && head.every((byte) => byte === 0)) return
  if (!beginsRecord(first.toString('latin1'))) {
    throw new JournalError(path, 'is some other file, which was left as it is; name a new file, or one from --journal')
  }
  const record = newline === -1 ? null : parseRecord(first)
  if (record?.type === 'run' && record.version !== FORMAT_VERSION) {
    throw new JournalError(
      path,
      `has format version ${record.version}, and this drover knows ${FORMAT_VERSION}; use a later one`,
    )
  }
}
