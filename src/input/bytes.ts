import { isUtf8 } from 'node:buffer'
import { plainText, type Text } from '../task/task.js'

/** One piece of input: a string where its bytes are valid UTF-8, else the bytes as they were. */
export type Item = string | Buffer

/** The item that these bytes are. Bytes that are not UTF-8 are copied, so that no larger buffer stays in memory. */
export function toItem(bytes: Buffer): Item {
  return isUtf8(bytes) ? bytes.toString() : Buffer.from(bytes)
}

/** The item that a text from the caller is. */
export function textItem(text: Text): Item {
  const plain = plainText(text)
  return typeof plain === 'string' ? plain : toItem(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength))
}

/** The item's bytes as a string of one character (U+0000 to U+00FF) for each byte. */
export function byteString(item: Item): string {
  return (typeof item === 'string' ? Buffer.from(item) : item).toString('latin1')
}

/** The reverse of {@link byteString}. */
export function fromByteString(bytes: string): Item {
  return toItem(Buffer.from(bytes, 'latin1'))
}

/** Whether the item holds a NUL byte, which no argument and no shell line can. */
export function hasNul(item: Item): boolean {
  return typeof item === 'string' ? item.includes('\0') : item.includes(0)
}

/** Offset of the first byte that is not part of valid UTF-8. */
export function invalidUtf8At(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString())
  let at = 0
  while (at < bytes.length && bytes[at] === again[at]) at++
  return at
}
