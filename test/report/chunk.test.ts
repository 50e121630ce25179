import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeChunk, encodeChunk } from '../../src/report/chunk.js'
import { RowMaker } from '../../src/report/row-of.js'
import type { ReportRow } from '../../src/report/rows.js'
import { VarintReader, VarintWriter } from '../../src/report/varints.js'
import { RESULT_STATES } from '../../src/task/result.js'
import { resultOf } from '../output/support.js'

const orNull = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null })
const micros = fc.nat(2 ** 40).map((value) => value / 1_000)
const tenths = orNull(fc.nat(2 ** 40).map((value) => value / 10))
const row: fc.Arbitrary<ReportRow> = fc.record({
  isAttempt: fc.boolean(),
  state: fc.constantFrom(...RESULT_STATES),
  run: fc.nat(10),
  index: fc.nat(2 ** 31),
  id: orNull(fc.string({ unit: 'binary' })),
  command: fc.string({ unit: 'binary' }),
  host: fc.constantFrom('a', 'b', ''),
  startMs: orNull(fc.nat(2 ** 43)),
  durationMs: micros,
  cpuUserMs: tenths,
  cpuSystemMs: tenths,
  maxRssKib: orNull(fc.nat()),
  exitCode: orNull(fc.nat(2 ** 32)),
  attempt: fc.nat(9),
  attempts: fc.nat(9),
  detail: orNull(
    fc.record({ signal: fc.constant('SIGKILL'), stderr: fc.string(), stderrBytes: fc.nat(), stdoutBytes: fc.nat() }),
  ),
})

it('numbers come back as they were, also those above 32 bits', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (values) => {
      const writer = new VarintWriter()
      for (const value of values) writer.write(value)
      const reader = new VarintReader(writer.bytes)
      expect(values.map(() => reader.read())).toEqual(values)
      expect(() => reader.read()).toThrow(RangeError)
    }),
  )
})

it('rows come back as they were', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
      expect(decodeChunk(encodeChunk(rows))).toEqual(rows)
    }),
  )
})

it('numbers that no result should have make no row that cannot be read', () => {
  const odd = resultOf(-1, {
    startedAt: 'tomorrow',
    durationMs: -5,
    cpuUserMs: 1e300,
    maxRssBytes: -1,
    exitCode: -1,
    state: 'failed',
    attempt: 1.5,
  })
  const made = new RowMaker().rowOf(odd, 0)
  expect(decodeChunk(encodeChunk([made]))).toEqual([made])
  expect(made).toMatchObject({
    index: 0,
    startMs: null,
    durationMs: 0,
    cpuUserMs: null,
    maxRssKib: null,
    exitCode: null,
  })
})

it('a row has the end of long outputs, without what colors a terminal, and of those that succeeded nothing', () => {
  const maker = new RowMaker()
  const long = `${'x'.repeat(20_000)}\n\u001b[31mthe end\u001b[0m \u202e`
  const failed = maker.rowOf(resultOf(0, { state: 'failed', stderr: long, stderrBytes: long.length }), 0)
  expect(failed.detail!.stderr).toMatch(/^…x+\nthe end \\u202e$/)
  expect(failed.detail!.stderr!.length).toBeLessThan(4_100)
  expect(maker.rowOf(resultOf(1, { stderr: 'secret' }), 0).detail).toBeNull()
})

it('takes bytes as well as text, and cuts no character in two', () => {
  const bytes = Buffer.from('ä'.repeat(9_000))
  const cut = new RowMaker().rowOf({ ...resultOf(0, { state: 'failed' }), stdout: Buffer.alloc(0), stderr: bytes }, 0)
  expect(cut.detail!.stderr).toMatch(/^…ä+$/)
  const pairs = new RowMaker().rowOf(resultOf(0, { command: '😀'.repeat(500) }), 0)
  expect(pairs.command).not.toMatch(/\p{Surrogate}/u)
})

it('keeps no more outputs than a few megabytes in all, and counts those without', () => {
  const maker = new RowMaker()
  const noisy = resultOf(0, { state: 'failed', stderr: 'y'.repeat(4_000), stderrBytes: 4_000 })
  let kept = 0
  for (let at = 0; at < 3_000; at++) kept += maker.rowOf(noisy, 0).detail?.stderr?.length ?? 0
  expect(kept).toBeGreaterThan(4_000_000)
  expect(kept).toBeLessThan(4.3 * 1024 * 1024)
  expect(maker.withoutOutput).toBe(3_000 - kept / 4_000)
})
