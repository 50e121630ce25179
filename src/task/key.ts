import { FingerprintTable, fingerprintOfDigest } from './fingerprints.js'
import { sha256 } from './sha256.js'
import { displayText, plainText, type Task, type Text, textBytes } from './task.js'
import { isTaskStream } from './task-stream.js'

/**
 * Gives each task its key: 32 hexadecimal digits of a SHA-256 over what it runs (command, args, cwd, stdin, declared
 * env, and the id where there is one), and `-N` when the same content has come N times before. An inserted or moved line
 * changes no other key. Takes about 24 bytes for each different task.
 */
export class KeyCounter {
  readonly #counts = new FingerprintTable()

  keyOf(task: Task): string {
    const digest = contentDigest(task)
    const mark = fingerprintOfDigest(digest)
    const before = this.#counts.get(mark) ?? 0
    this.#counts.set(mark, before + 1)
    const key = keyOfDigest(digest)
    return before === 0 ? key : `${key}-${before}`
  }
}

/** The key of a task whose content has not come before. */
export function contentKey(task: Task): string {
  return keyOfDigest(contentDigest(task))
}

function keyOfDigest(digest: Buffer): string {
  return digest.toString('hex', 0, 16)
}

/** SHA-256 over what a task runs. Bytes and strings of the same bytes give the same digest. */
export function contentDigest(task: Task): Buffer {
  const hash = sha256()
  const env = task.env === undefined ? null : Object.entries(task.env).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const parts = [
    1,
    task.id ?? null,
    canonical(task.command),
    task.args?.map(canonical) ?? null,
    task.cwd ?? null,
    env?.map(([name, value]) => [name, value === null ? null : canonical(value)]) ?? null,
    task.stdin === undefined ? null : canonicalInput(task.stdin),
    task.stdinFile ?? null,
    ...(task.stdinRanges === undefined ? [] : [task.stdinRanges]),
  ]
  return hash.update(JSON.stringify(parts)).digest()
}

/** What is longer is hashed by itself first: to make a string of megabytes would take longer than all else. */
const LONG = 64 * 1024

function canonicalInput(stdin: NonNullable<Task['stdin']>) {
  if (isTaskStream(stdin)) return { stream: true }
  const plain = plainText(stdin)
  const length = typeof plain === 'string' ? Buffer.byteLength(plain) : plain.length
  if (length <= LONG) return canonical(plain)
  return { sha256: sha256().update(textBytes(plain)).digest('hex') }
}

function canonical(text: Text): string | { base64: string } {
  const plain = plainText(text)
  if (typeof plain === 'string') return plain
  const shown = displayText(plain)
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength)
  return Buffer.from(shown).equals(bytes) ? shown : { base64: bytes.toString('base64') }
}
