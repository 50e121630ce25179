import { expect, test } from 'vitest'
import { ResultTable, type ResultTableOptions } from '../../src/output/result-table.js'
import { textWidth } from '../../src/output/text-width.js'
import type { Result } from '../../src/task/result.js'
import { MemoryWriter, resultOf } from './support.js'

async function tableOf(results: readonly Result[], options: Partial<ResultTableOptions> = {}): Promise<string[]> {
  const writer = new MemoryWriter()
  const table = new ResultTable({ writer, color: false, columns: () => null, ...options })
  for (const result of results) await table.print(result)
  await table.end()
  return writer.bytes.toString().split('\n').slice(0, -1)
}

test('rows are cut to the width of a terminal, which may change', async () => {
  let columns = 50
  const results = ['short', '日本語'.repeat(40), 'x'.repeat(1_000_000)].map((command, index) =>
    resultOf(index, { command }),
  )
  const lines = await tableOf(results, { columns: () => columns-- })
  expect(lines.map(textWidth)).toEqual([expect.any(Number), expect.any(Number), 48])
  expect(lines[0]).toMatch(/short$/)
  expect(textWidth(lines[1]!)).toBeLessThanOrEqual(49)
  expect(lines[2]).toMatch(/xx…$/)
})

test('a terminal that is narrower than a state gets its color back', async () => {
  const lines = await tableOf([resultOf(0, { state: 'lost' })], { color: true, columns: () => 3 })
  expect(lines).toEqual(['\x1b[31mlo…\x1b[39m'])
})

test('names are aligned by the widest of the first rows, up to a limit', async () => {
  const [short, wide] = await tableOf([resultOf(0, { id: 'a' }), resultOf(1, { id: '日本' })])
  expect(textWidth(short!.replace(/true$/, ''))).toBe(textWidth(wide!.replace(/true$/, '')))
  const [pushed, long] = await tableOf([resultOf(0, { id: 'a' }), resultOf(1, { id: 'y'.repeat(100) })])
  expect(pushed!.length).toBeLessThan(100)
  expect(long).toMatch(/y{100} {2}true$/)
})

test('many rows are not held back', async () => {
  const writer = new MemoryWriter()
  const table = new ResultTable({ writer, color: false, columns: () => null })
  for (let index = 0; index < 1_000; index++) await table.print(resultOf(index))
  expect(writer.text.split('\n')).toHaveLength(1_001)
})

test('what was never started has no duration', async () => {
  const error = { code: 'ERR_DROVER_SKIPPED', message: 'halted' }
  const skipped = resultOf(0, { state: 'skipped', exitCode: null, command: null, error })
  expect(await tableOf([skipped])).toEqual([`skipped${' '.repeat(17)}-  -         #1  -`])
})
