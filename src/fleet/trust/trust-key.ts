import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import { OptionError } from '../../task/errors.js'

/** A key that signs tasks, or only verifies signatures. It never shows what it was made from. */
export interface TrustKey {
  /** How it signs. */
  readonly kind: 'ed25519' | 'hmac-sha256'
  /** 16 hexadecimal digits by which signatures say which key they were made with. Not a secret. */
  readonly id: string
  /** Whether it must be kept from others: a public key need not. */
  readonly isSecret: boolean
  /** Makes a signature; null where the key can only verify. */
  readonly sign: ((message: Buffer) => Buffer) | null
  /** Whether this key, or the private one to it, has made the signature of the message. */
  verify(message: Buffer, signature: Buffer): boolean
}

/** Bytes that a secret must have at the least, as many as HMAC-SHA-256 gives. */
export const LEAST_SECRET_BYTES = 32

const MAKE_ONE = 'make one with "openssl genpkey -algorithm ed25519 -out fleet.pem"'
/** How the two Ed25519 keys begin in DER. The public one is no secret, and must never be taken for one. */
const DER_BEGINNINGS = ['302a300506032b6570', '302e020100300506032b6570']

/**
 * The keys in the content of a key file: one or several Ed25519 keys in PEM, or one secret for HMAC-SHA-256, which is any other
 * content of at least 32 bytes. Line ends at the end of a secret do not belong to it.
 *
 * @param source - the file, for messages.
 * @throws OptionError for anything else.
 */
export function parseKeys(content: Uint8Array, source: string): readonly TrustKey[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const text = bytes.toString('latin1')
  if (text.includes('-----BEGIN ')) return pemBlocks(text, source).map((block) => ed25519Key(block, source))
  if (DER_BEGINNINGS.some((beginning) => bytes.toString('hex', 0, 16).startsWith(beginning)))
    throw new OptionError(`${source} holds a key in DER; turn it into PEM with "openssl pkey -inform DER"`)
  if (/^(?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]+/.test(text))
    throw new OptionError(`${source} holds a public key for ssh, which cannot be used here; ${MAKE_ONE}`)
  return [hmacKey(bytes, source)]
}

function pemBlocks(text: string, source: string): string[] {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g) ?? []
  if (blocks.length === (text.match(/-----BEGIN /g) ?? []).length) return blocks
  throw new OptionError(`${source} holds a PEM key that is cut off or damaged`)
}

function ed25519Key(pem: string, source: string): TrustKey {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)![1]!
  const isPrivate = label.endsWith('PRIVATE KEY')
  if (label.startsWith('ENCRYPTED') || pem.includes('ENCRYPTED'))
    throw new OptionError(`${source} holds a key with a passphrase; take it off with "openssl pkey -in FILE -out FILE"`)
  if (!isPrivate && label !== 'PUBLIC KEY') throw new OptionError(`${source} holds a ${label}, not a key; ${MAKE_ONE}`)
  let key: KeyObject
  try {
    key = isPrivate ? createPrivateKey(pem) : createPublicKey(pem)
  } catch {
    throw new OptionError(`${source} holds a ${label} that cannot be read; ${MAKE_ONE}`)
  }
  const { asymmetricKeyType } = key
  if (asymmetricKeyType !== 'ed25519')
    throw new OptionError(
      `${source} holds a key of type ${asymmetricKeyType}, but only ed25519 can be used; ${MAKE_ONE}`,
    )
  const publicKey = isPrivate ? createPublicKey(key) : key
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return {
    kind: 'ed25519',
    id: createHash('sha256').update(der).digest('hex').slice(0, 16),
    isSecret: isPrivate,
    sign: isPrivate ? (message) => sign(null, message, key) : null,
    verify: (message, signature) => signature.length === 64 && verify(null, message, publicKey, signature),
  }
}

function hmacKey(content: Buffer, source: string): TrustKey {
  let end = content.length
  // Random bytes may end as a line does; a text does not.
  const isText = /^[\x20-\x7e\s]*$/.test(content.toString('latin1'))
  while (isText && end > 0 && (content[end - 1] === 10 || content[end - 1] === 13)) end -= 1
  if (end < LEAST_SECRET_BYTES) {
    throw new OptionError(
      `${source} holds ${end} bytes, too few for a secret; expected at least ${LEAST_SECRET_BYTES}, as "openssl rand -out fleet.key 32" makes them, or an Ed25519 key in PEM`,
    )
  }
  const secret = Buffer.from(content.subarray(0, end))
  const mac = (message: Buffer | string) => createHmac('sha256', secret).update(message).digest()
  return {
    kind: 'hmac-sha256',
    id: mac('drover key id').toString('hex', 0, 8),
    isSecret: true,
    sign: mac,
    verify: (message, signature) => {
      const expected = mac(message)
      return signature.length === expected.length && timingSafeEqual(signature, expected)
    },
  }
}
