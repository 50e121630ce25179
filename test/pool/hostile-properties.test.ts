import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DroverError, type PoolOptions, type PoolProtocol } from '../../src/index.js'
import { unhandledDuring } from '../helpers/fake-time.js'
import { Sampler } from './sampler.js'
import { type Act, HostilePool, LAUNCHERS, PROTOCOLS, settled } from './support.js'

/** One request, or several in a lease. */
interface Played {
  readonly act: Act
  readonly timeoutMs: number
  readonly abortAfterMs: number | null
  readonly priority: number
  readonly leased: number
}

const byte = fc.nat(40)
const ending = fc.constantFrom<Record<string, unknown>>({}, { code: 0 }, { signal: 'SIGKILL' }, { signal: 'SIGSEGV' })
const calm = { timeoutMs: 0, abortAfterMs: null, stderrBytes: undefined }
/** Does harm to nobody but who asked for it. */
const acts = (protocol: PoolProtocol) => {
  const plain = fc.record({ act: fc.constant('answer') }).map((act) => ({ ...calm, act }))
  const dies = fc.tuple(byte, ending).map(([at, how]) => ({ ...calm, act: { act: 'die', at, ...how } }))
  const slow = fc.constant({ ...calm, act: { act: 'slow' } })
  const silent = fc.constantFrom('silent', 'stop').map((act) => ({ ...calm, act: { act }, timeoutMs: 60 }))
  const aborted = fc
    .nat(80)
    .chain((abortAfterMs) =>
      fc.constantFrom('answer', 'silent', 'slow').map((act) => ({ ...calm, act: { act }, abortAfterMs })),
    )
  const garbage = fc
    .tuple(byte, fc.constantFrom('\n', 'x', '\x00\x00\x00\x09', '12;', '\xff\xff\xff\xff\x02', 'no answer\n'))
    .map(([at, text]) => ({ ...calm, act: { act: 'garbage', at, garbage: text }, timeoutMs: 200 }))
  const twice = fc.constant({ ...calm, act: { act: 'twice' } })
  const wrong = fc
    .constantFrom(-3, -1, 1, 70_000)
    .map((by) => ({ ...calm, act: { act: protocol === 'lines' ? 'silent' : 'wrongLength', by }, timeoutMs: 200 }))
  const forks = fc
    .record({ own: fc.boolean(), holds: fc.boolean() })
    .map((how) => ({ ...calm, act: { act: 'fork', ...how } }))
  const floods = fc.constant({ ...calm, act: { act: 'slow' }, stderrBytes: 3_000_000 })
  const stays = fc.constant({ ...calm, act: { act: 'stay' } })
  const closes = fc.constantFrom('closeOut', 'closeBoth').map((act) => ({ ...calm, act: { act } }))
  const bad = [dies, slow, silent, aborted, garbage, twice, wrong, forks, floods, stays, closes]
  return fc.oneof({ weight: 5, arbitrary: plain }, ...bad.map((arbitrary) => ({ weight: 1, arbitrary })))
}

const played = (protocol: PoolProtocol): fc.Arbitrary<Played> =>
  fc
    .tuple(acts(protocol), fc.integer({ min: -1, max: 1 }), fc.constantFrom(0, 0, 0, 1, 2), fc.nat(70_000))
    .map(([known, priority, leased, bytes]) => ({
      ...known,
      act: { ...known.act, stderr: 'e'.repeat(known.stderrBytes ?? bytes) },
      priority,
      leased,
    }))

const scenario = (protocol: PoolProtocol) =>
  fc.record({
    requests: fc.array(played(protocol), { minLength: 3, maxLength: 10 }),
    max: fc.integer({ min: 1, max: 3 }),
    min: fc.nat(1),
    maxSpare: fc.nat(1),
    maxRequests: fc.constantFrom(0, 0, 1, 2),
    maxAgeMs: fc.constantFrom(0, 0, 0, 30),
    healthCheckMs: fc.constantFrom(0, 0, 10),
    ends: fc.constantFrom('close', 'destroy'),
  })

type Scenario = ReturnType<typeof scenario> extends fc.Arbitrary<infer S> ? S : never

/** Sends what is to be sent; gives back what became of each, always with the text that was the right one. */
async function play(hostile: HostilePool, { act, timeoutMs, abortAfterMs, priority, leased }: Played, n: number) {
  const signal = abortAfterMs === null ? undefined : AbortSignal.timeout(abortAfterMs)
  const text = `answer-${n}`
  const stderr = `${act.stderr}${n}\n`
  const told = { ...act, text, stderr }
  const options = { timeoutMs: timeoutMs || undefined, ...(signal === undefined ? {} : { signal }) }
  const results: { value?: unknown; stderr?: unknown; error?: unknown }[] = []
  const note = async (answer: Promise<{ value: unknown; stderr: unknown }>) => {
    try {
      const { value, stderr: printed } = await settled(answer, `request ${n} (${JSON.stringify(act).slice(0, 80)})`)
      results.push({ value, stderr: printed })
    } catch (error) {
      results.push({ error })
    }
  }
  if (leased === 0) await note(hostile.ask(told, { ...options, priority }))
  else {
    await using lease = await settled(hostile.pool.acquire({ priority }), `lease ${n}`)
    for (let turn = 0; turn < leased && !lease.hasFailed; turn++) {
      await note(lease.sendRequest(JSON.stringify(told), options))
    }
  }
  return { results, text, stderr, name: act.act, signal }
}

type Outcome = Awaited<ReturnType<typeof play>>

/** With one request at a time nobody suffers from what another does, and what was printed is known to be whose. */
function checkAlone({ results, text, stderr, name, signal }: Outcome): void {
  for (const { value, error, ...given } of results) {
    if (error === undefined) {
      expect(name === 'garbage' || name === 'wrongLength' || value === text, `${name}: ${value} for ${text}`).toBe(true)
      expect(given.stderr).toBe(stderr)
    } else if (error instanceof DroverError) {
      expect(['answer', 'slow', 'fork', 'stay'], `${name} failed: ${error.code} ${error.message}`).not.toContain(name)
      expect(error.code).toMatch(/^ERR_DROVER_(WORKER_DIED|WORKER_PROTOCOL|TIMEOUT)$/)
    } else expect(error).toBe(signal?.reason)
  }
}

/** With several in one worker those behind suffer, but where answers have numbers none gets that of another. */
function checkAmongOthers({ results, text, name, signal }: Outcome, protocol: PoolProtocol): void {
  for (const { value, error } of results) {
    if (error instanceof DroverError) expect(error.code).toMatch(/^ERR_DROVER_(WORKER_DIED|WORKER_PROTOCOL|TIMEOUT)$/)
    else if (error !== undefined) expect(error).toBe(signal?.reason)
    else if (protocol === 'frames' && name !== 'garbage' && name !== 'wrongLength') expect(value).toBe(text)
  }
}

const RUNS = Number(process.env.DROVER_TEST_RUNS ?? 7)
const SEED = Number(process.env.DROVER_TEST_SEED ?? 20_260)
const timeout = 60_000 + 15_000 * RUNS

describe.each(PROTOCOLS)('a pool of hostile workers that talk %s', (protocol) => {
  const one = async (played: Scenario, own: PoolOptions, check: (outcome: Outcome) => void) => {
    const { requests, ends, max, maxRequests, maxAgeMs, healthCheckMs } = played
    const min = Math.min(played.min, max)
    const maxSpare = Math.max(min, Math.min(played.maxSpare, max))
    const health = { healthCheckMs, checkIntervalMs: 10, healthRequest: '{"act":"answer","text":"well"}' }
    const options = { min, max, maxSpare, maxRequests, maxAgeMs, killGraceMs: 100, ...health, ...own }
    const hostile = new HostilePool(protocol, options)
    const sampler = new Sampler(hostile.pool, { max, pipeline: own.pipeline ?? 1 })
    try {
      const outcomes = await Promise.all(requests.map((request, n) => play(hostile, request, n)))
      const { queued, inFlight, answered, rejected } = sampler.look()
      for (const outcome of outcomes) check(outcome)
      const sent = outcomes.reduce((sum, { results }) => sum + results.length, 0)
      expect({ queued, inFlight, sum: answered + rejected }).toEqual({ queued: 0, inFlight: 0, sum: sent })
      await settled(ends === 'close' ? hostile.pool.close() : hostile.pool.destroy(), ends)
      expect(hostile.processes).toEqual([])
      expect(sampler.problems).toEqual([])
      expect(sampler.look()).toMatchObject({ running: 0, spare: 0, starting: 0, leaving: 0 })
    } finally {
      sampler.stop()
      await hostile.pool.destroy({ graceMs: 0 })
    }
  }
  const runs = { numRuns: RUNS, seed: SEED, endOnFailure: true }

  it.each(LAUNCHERS)('loses no request, and leaves no process behind (%s launcher)', { timeout }, async (launcher) => {
    const property = fc.asyncProperty(scenario(protocol), (played) => one(played, { launcher }, checkAlone))
    expect(await unhandledDuring(() => fc.assert(property, runs))).toEqual([])
  })

  // Workers of process-pool take one at a time.
  if (protocol === 'process-pool') return
  it('loses none that was sent behind others, or is sent again', { timeout }, async () => {
    const own = fc.record({ pipeline: fc.integer({ min: 2, max: 4 }), retries: fc.nat(2) })
    const property = fc.asyncProperty(scenario(protocol), own, (played, options) =>
      // Where a line is missing, those behind it get each other's, and the last none.
      one(played, { ...options, timeoutMs: 2_000 }, (outcome) => checkAmongOthers(outcome, protocol)),
    )
    expect(await unhandledDuring(() => fc.assert(property, runs))).toEqual([])
  })
})
