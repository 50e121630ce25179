import { generateKeyPairSync } from 'node:crypto'
import type { ReplayStore } from '../../../src/fleet/trust/index.js'

/** A secret for HMAC, as text. */
export const SECRET = 'a secret that is 32 bytes long!!'

/** A new pair of keys. */
export function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    privateKey,
    publicKey,
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  }
}

/** For tests of all but the stores themselves: remembers for ever. */
export function rememberingStore(): ReplayStore {
  const marks = new Set<string>()
  return {
    has: async (mark) => marks.has(mark.toString('hex')),
    add: async (mark) => {
      marks.add(mark.toString('hex'))
    },
  }
}
