import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  parseKeys,
  REFUSAL_REASONS,
  type TaskSignature,
  TaskSigner,
  TaskVerifier,
  type TrustKey,
} from '../../../src/fleet/trust/index.js'
import { OptionError } from '../../../src/task/errors.js'
import { keyPair, rememberingStore, SECRET } from './keys.js'

const parse = (content: string) => parseKeys(Buffer.from(content), 'the key')
const pair = keyPair()
const ED25519 = { signing: parse(pair.privatePem), verifying: parse(pair.publicPem) }
const HMAC = { signing: parse(SECRET), verifying: parse(SECRET) }

const verifierOf = (keys: readonly TrustKey[], more: Partial<ConstructorParameters<typeof TaskVerifier>[0]> = {}) =>
  new TaskVerifier({ keys, queue: 'jobs', replays: rememberingStore(), ...more })

const job = {
  jobId: 'run-abc',
  content: {
    task: { command: 'echo', args: ['a', { base64: '/w==' }], env: { B: null, A: '1' }, retries: 2 },
    key: 'k',
  },
}
const sign = (keys: readonly TrustKey[] = ED25519.signing) =>
  new TaskSigner({ keys, queue: 'jobs' }).sign({ run: 'r1', ...job })

describe.each([
  ['Ed25519', ED25519],
  ['HMAC', HMAC],
])('%s', (_name, { signing, verifying }) => {
  it('what was signed is accepted, also after JSON and with members in another order', async () => {
    const signature = sign(signing)
    const { task, key } = JSON.parse(JSON.stringify(job.content))
    const verdict = await verifierOf(verifying).verify({ jobId: job.jobId, content: { key, task }, signature })
    expect(verdict).toMatchObject({ accepted: true, run: 'r1', expiresAtMs: signature.expires })
  })

  it('any content that is JSON is accepted as it was signed', async () => {
    const [signer, verifier] = [new TaskSigner({ keys: signing, queue: 'jobs' }), verifierOf(verifying)]
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), fc.string(), async (content, jobId) => {
        const signature = signer.sign({ run: 'r', jobId, content })
        const received = JSON.parse(JSON.stringify({ jobId, content, signature }))
        expect((await verifier.verify(received)).accepted).toBe(true)
      }),
    )
  })

  it('any single byte that is changed, anywhere, is refused', async () => {
    const verifier = verifierOf(verifying)
    const sent = JSON.stringify({ ...job, signature: sign(signing) })
    const bytes = Buffer.from(sent)
    let tried = 0
    for (let at = 0; at < bytes.length; at++) {
      for (const flipped of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const changed = Buffer.from(bytes)
        changed[at]! ^= flipped
        const received = parsedOrNull(changed)
        // Not every change leaves JSON, or a job with the same three fields.
        if (received === null || typeof received !== 'object') continue
        tried += 1
        const verdict = await verifier.verify(received as never)
        expect(verdict.accepted, `byte ${at} xor ${flipped}: ${changed}`).toBe(false)
      }
    }
    expect(tried).toBeGreaterThan(bytes.length)
  })

  it('any change of any field is refused', async () => {
    const verifier = verifierOf(verifying)
    const signature = sign(signing)
    const fields = Object.keys(signature) as (keyof TaskSignature)[]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...fields), fc.jsonValue(), async (field, value) => {
        fc.pre(JSON.stringify(value) !== JSON.stringify(signature[field]))
        const verdict = await verifier.verify({ ...job, signature: { ...signature, [field]: value } })
        expect(verdict.accepted).toBe(false)
      }),
    )
    for (const field of fields) {
      const { [field]: _left, ...rest } = signature
      expect(await verifier.verify({ ...job, signature: rest })).toMatchObject({ accepted: false })
    }
    expect(await verifier.verify({ ...job, signature: { ...signature, more: 1 } })).toMatchObject({ reason: 'altered' })
  })

  it('any change of the content is refused', async () => {
    const verifier = verifierOf(verifying)
    const signature = sign(signing)
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (content) => {
        fc.pre(JSON.stringify(content) !== JSON.stringify(job.content))
        expect(await verifier.verify({ ...job, content, signature })).toMatchObject({ reason: 'altered' })
      }),
    )
  })
})

describe('reasons', () => {
  it.each<[string, string, unknown]>([
    ['unsigned', 'nothing', undefined],
    ['unsigned', 'null', null],
    ['altered', 'a string', 'x'],
    ['altered', 'an empty object', {}],
    ['altered', 'another version', { ...sign(), version: 2 }],
    ['unknown-key', 'a key that is not known', sign(parse(keyPair().privatePem))],
    ['altered', 'the id of a key that is known', { ...sign(parse(keyPair().privatePem)), key: sign().key }],
    [
      'wrong-queue',
      'for another queue',
      new TaskSigner({ keys: ED25519.signing, queue: 'other' }).sign({ run: 'r1', ...job }),
    ],
    [
      'wrong-job',
      'of another job',
      new TaskSigner({ keys: ED25519.signing, queue: 'jobs' }).sign({ ...job, run: 'r1', jobId: 'x' }),
    ],
  ])('%s: %s', async (reason, _name, signature) => {
    const verifier = verifierOf(ED25519.verifying)
    const verdict = await verifier.verify({ ...job, signature })
    expect(verdict).toMatchObject({ accepted: false, reason, message: expect.stringContaining('run-abc') })
    const none = Object.fromEntries(REFUSAL_REASONS.map((each) => [each, 0]))
    expect(verifier.refused).toEqual({ ...none, [reason]: 1 })
  })

  it('expired: after the time that was signed and what clocks may differ by', async () => {
    let now = Date.now()
    const verifier = verifierOf(ED25519.verifying, { clockSkewMs: 5_000, now: () => now })
    const signature = new TaskSigner({ keys: ED25519.signing, queue: 'jobs', lifetimeMs: 1_000 }).sign({
      run: 'r',
      ...job,
    })
    now = signature.expires + 5_000
    expect(await verifier.verify({ ...job, signature })).toMatchObject({ accepted: true })
    now += 1
    expect(await verifier.verify({ ...job, signature })).toMatchObject({ reason: 'expired' })
    expect(verifier.refused.expired).toBe(1)
  })

  it('replayed: once there is a final result, and not before', async () => {
    const verifier = verifierOf(ED25519.verifying)
    const first = { ...job, signature: sign() }
    const verdict = await verifier.verify(first)
    // A worker that had it died.
    expect(await verifier.verify(first)).toMatchObject({ accepted: true })
    if (verdict.accepted) await verifier.finished(verdict)
    expect(await verifier.verify(first)).toMatchObject({ reason: 'replayed' })
    expect(verifier.refused.replayed).toBe(1)
    // The same task, signed again by somebody who has the key.
    expect(await verifier.verify({ ...job, signature: sign() })).toMatchObject({ accepted: true })
  })

  it('a store that cannot be asked is no acceptance', async () => {
    const replays = { ...rememberingStore(), has: () => Promise.reject(new Error('gone')) }
    await expect(verifierOf(ED25519.verifying, { replays }).verify({ ...job, signature: sign() })).rejects.toThrow(
      'gone',
    )
  })

  it('altered: what is nested deeper than can be signed', async () => {
    const content = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
    expect(await verifierOf(ED25519.verifying).verify({ ...job, content, signature: sign() })).toMatchObject({
      reason: 'altered',
    })
    expect(() => new TaskSigner({ keys: HMAC.signing, queue: 'q' }).sign({ run: 'r', jobId: 'j', content })).toThrow(
      OptionError,
    )
  })
})

describe('several keys', () => {
  it('what any of them signed is accepted, and the first that can sign does', async () => {
    const [old, next] = [keyPair(), keyPair()]
    const keys = [...parse(old.publicPem), ...parse(next.privatePem), ...HMAC.signing]
    const signer = new TaskSigner({ keys, queue: 'jobs' })
    expect(signer.keyId).toBe(parse(next.publicPem)[0]!.id)
    const verifier = verifierOf(keys)
    for (const signing of [parse(old.privatePem), parse(next.privatePem), HMAC.signing])
      expect(await verifier.verify({ ...job, signature: sign(signing) })).toMatchObject({ accepted: true })
  })

  it('a mistake in the options is named', () => {
    expect(() => new TaskSigner({ keys: ED25519.verifying, queue: 'q' })).toThrow(/only public keys/)
    expect(() => new TaskSigner({ keys: ED25519.signing, queue: 'q', lifetimeMs: -1 })).toThrow(/lifetimeMs/)
    expect(() => verifierOf([])).toThrow(/at least one key/)
    expect(() => verifierOf(HMAC.verifying, { clockSkewMs: 3_600_001 })).toThrow(/clockSkewMs/)
  })
})

function parsedOrNull(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return null
  }
}
