import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseKeys, readKeyFile, readKeyFiles } from '../../../src/fleet/trust/index.js'
import { OptionError } from '../../../src/task/errors.js'
import { keyPair, SECRET } from './keys.js'

const folder = mkdtempSync(join(tmpdir(), 'drover-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function file(content: string | Buffer, mode = 0o600): string {
  const path = join(folder, `${++count}.key`)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

const message = Buffer.from('a message')
const pair = keyPair()

describe('the kind of a key', () => {
  it('is told from the file', () => {
    const [signing] = readKeyFile(file(pair.privatePem))
    const [verifying] = readKeyFile(file(pair.publicPem, 0o644))
    const [secret] = readKeyFile(file(SECRET))
    expect([signing!.kind, verifying!.kind, secret!.kind]).toEqual(['ed25519', 'ed25519', 'hmac-sha256'])
    expect(verifying!.id).toBe(signing!.id)
    expect(verifying!.sign).toBeNull()
    for (const key of [signing!, secret!]) {
      expect(key.verify(message, key.sign!(message))).toBe(true)
      expect(key.verify(Buffer.from('another'), key.sign!(message))).toBe(false)
      expect(key.verify(message, Buffer.alloc(0))).toBe(false)
    }
    expect(verifying!.verify(message, signing!.sign!(message))).toBe(true)
  })

  it('is what openssl makes', () => {
    const [path, open] = [join(folder, 'made.pem'), join(folder, 'made.pub')]
    execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path])
    execFileSync('openssl', ['pkey', '-in', path, '-pubout', '-out', open])
    const [signing, verifying] = readKeyFiles([path, open])
    expect(verifying!.verify(message, signing!.sign!(message))).toBe(true)
    const secret = join(folder, 'made.key')
    execFileSync('openssl', ['rand', '-out', secret, '32'])
    expect(parseKeys(Buffer.from(SECRET), 'it')[0]!.kind).toBe('hmac-sha256')
    chmodSync(secret, 0o600)
    expect(readKeyFile(secret)[0]!.kind).toBe('hmac-sha256')
  })

  it('several keys in PEM in one file are all read, with comments between them', () => {
    const other = keyPair()
    const keys = readKeyFile(file(`old\n${pair.publicPem}\nnew\n${other.privatePem}`))
    expect(keys.map((key) => key.sign !== null)).toEqual([false, true])
    expect(keys[0]!.id).not.toBe(keys[1]!.id)
  })

  it('random bytes that end as a line does are a secret', () => {
    expect(readKeyFile(file(`\u0001${'x'.repeat(30)}\n`))[0]!.kind).toBe('hmac-sha256')
  })

  it('line ends after a secret do not belong to it', () => {
    const ids = ['', '\n', '\r\n'].map((end) => readKeyFile(file(SECRET + end))[0]!.id)
    expect(new Set(ids).size).toBe(1)
    expect(readKeyFile(file(`${SECRET} `))[0]!.id).not.toBe(ids[0])
  })
})

describe('what is no key is refused', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const locked = keyPair().privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  const der = (['spki', 'pkcs8'] as const).map((type) =>
    type === 'spki' ? pair.publicKey.export({ type, format: 'der' }) : pair.privateKey.export({ type, format: 'der' }),
  )
  const begin = '-----BEGIN'
  it.each<[string, string | Buffer, RegExp]>([
    ['a short secret', 'x'.repeat(31), /31 bytes.*at least 32/],
    ['a short secret with line ends', `${'x'.repeat(31)}\n\n\n`, /31 bytes/],
    ['nothing', '', /0 bytes/],
    ['another algorithm', rsa, /type rsa.*only ed25519/],
    ['a passphrase', locked, /passphrase/],
    ['a PEM key that is cut off', pair.privatePem.slice(0, 60), /cut off/],
    ['a PEM key that is damaged', pair.publicPem.replace(/MCow/, 'AAAA'), /cannot be read/],
    ['a certificate', `${begin} CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, /CERTIFICATE, not a key/],
    ['an OpenSSH key', `${begin} OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n`, /OPENSSH/],
    ['a public key in DER, which all may know', der[0]!, /DER/],
    ['a private key in DER', der[1]!, /DER/],
    ['a public key for ssh', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm0 someone@somewhere', /for ssh/],
    ['a file without end', Buffer.alloc(1024 * 1024 + 1, 'x'), /longer than/],
  ])('%s', (_name, content, problem) => {
    const path = file(content)
    expect(() => readKeyFile(path)).toThrow(problem)
    expect(() => readKeyFile(path)).toThrow(OptionError)
    expect(() => readKeyFile(path)).toThrow(path)
  })

  it('a file that is not there', () => {
    expect(() => readKeyFile(join(folder, 'none'))).toThrow(/cannot be read: ENOENT/)
  })

  it('no message has anything of the key in it', () => {
    try {
      readKeyFile(file('tooshortasecret'))
    } catch (error) {
      expect(String(error)).not.toContain('tooshort')
    }
    expect(JSON.stringify(readKeyFile(file(SECRET)))).not.toContain(SECRET)
  })
})

describe('files that others have access to are refused', () => {
  it.each([0o640, 0o604, 0o620, 0o602, 0o666, 0o610])('a secret with mode %o', (mode) => {
    for (const content of [SECRET, pair.privatePem, pair.publicPem + pair.privatePem])
      expect(() => readKeyFile(file(content, mode))).toThrow(/others.*chmod 600/)
  })

  it('but what links to it, and public keys that all may read, are not', () => {
    const link = join(folder, 'link')
    symlinkSync(file(SECRET, 0o400), link)
    expect(readKeyFile(link)).toHaveLength(1)
    expect(readKeyFile(file(pair.publicPem, 0o444))).toHaveLength(1)
    expect(() => readKeyFile(file(pair.publicPem, 0o664))).toThrow(/chmod go-w/)
  })

  it("another user's", () => {
    for (const content of [SECRET, pair.publicPem]) {
      const path = file(content)
      chownSync(path, 12345, 12345)
      expect(() => readKeyFile(path)).toThrow(/belongs to user 12345/)
    }
  })

  it("root's may be readable for the group of another user", () => {
    const path = file(SECRET, 0o440)
    chownSync(path, 0, 12345)
    chmodSync(folder, 0o755)
    const { seteuid, setegid } = process as Required<NodeJS.Process>
    const getuid = process.getuid
    setegid(12345)
    seteuid(12345)
    process.getuid = () => 12345
    try {
      expect(readKeyFile(path)).toHaveLength(1)
    } finally {
      process.getuid = getuid!
      seteuid(0)
      setegid(0)
    }
    // For root itself it is its own file, which the group may read.
    expect(() => readKeyFile(path)).toThrow(/others/)
  })
})
