import type { Hash } from 'node:crypto'

/** A new SHA-256. Cryptography is loaded when it is first needed: that takes as long as the start of a process. */
export function sha256(): Hash {
  return process.getBuiltinModule('node:crypto').createHash('sha256')
}
