import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical.js'

/** What is signed besides the content of the task. */
export interface SignedClaims {
  /** Of this form. */
  readonly version: 1
  /** The id of the key. */
  readonly key: string
  /** The queue's name, as its workers have it. */
  readonly queue: string
  /** The id of the run. */
  readonly run: string
  /** The id of the job that the task is. */
  readonly job: string
  /** Until when it may be run: milliseconds since 1970. */
  readonly expires: number
  /** 16 random bytes as hexadecimal digits: no two signatures are the same. */
  readonly nonce: string
}

/** What travels beside the task. All of it is JSON. */
export interface TaskSignature extends SignedClaims {
  /** base64url without padding. */
  readonly signature: string
}

/** A job as the queue has it. */
export interface SignedJob {
  /** The job's own id, as the queue knows it. */
  readonly jobId: string
  /** All that the job says: the task, and whatever else decides how it is run. JSON. */
  readonly content: unknown
}

/** So that nothing else that the key may sign is ever taken for a task. */
const HEADING = 'drover task signature\n'

/**
 * The bytes that are signed: a heading, then the claims and the content as one canonical object, in UTF-8.
 *
 * @throws what {@link canonicalJson} throws.
 */
export function signedMessage(claims: SignedClaims, content: unknown): Buffer {
  const { version, key, queue, run, job, expires, nonce } = claims
  return Buffer.from(HEADING + canonicalJson({ version, key, queue, run, job, expires, nonce, content }))
}

/** By what a task that was signed is known again: 16 bytes of a SHA-256 over what was signed. */
export function markOf(message: Buffer): Buffer {
  return createHash('sha256').update(message).digest().subarray(0, 16)
}

const FIELDS = new Set(['version', 'key', 'queue', 'run', 'job', 'expires', 'nonce', 'signature'])

/** The value as a signature with the fields of one, or null. Nothing is verified. */
export function readSignature(value: unknown): { claims: SignedClaims; signature: Buffer } | null {
  if (typeof value !== 'object' || value === null) return null
  const { signature, ...claims } = value as TaskSignature
  const { version, key, queue, run, job, expires, nonce } = claims
  if (Object.keys(value).some((field) => !FIELDS.has(field))) return null
  if (version !== 1 || !Number.isSafeInteger(expires)) return null
  if (![key, queue, run, job, nonce, signature].every((field) => typeof field === 'string')) return null
  const bytes = Buffer.from(signature, 'base64url')
  // base64 has several forms of the same bytes, of which one is ours.
  return bytes.toString('base64url') === signature ? { claims, signature: bytes } : null
}
