import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Printer } from '../../src/output/printer.js'
import { nodeSystem } from '../../src/output/spill-file.js'
import { resultOf, TINY, temporaryFolder, testPrinter } from './support.js'

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

function put(
  printer: Printer,
  index: number,
  text: string,
  more: { stream?: 'stderr'; attempt?: number; label?: string } = {},
) {
  return printer.output({ index, attempt: 1, stream: 'stdout', label: `t${index}`, ...more, chunk: Buffer.from(text) })
}

describe('the common case', () => {
  test('a small task makes no promise, no file and one write', async () => {
    const tmpdir = temporaryFolder()
    const { printer, stdout } = testPrinter({ tmpdir })
    expect(put(printer, 0, 'one\n')).toBeUndefined()
    expect(put(printer, 0, 'two')).toBeUndefined()
    expect(stdout.chunks).toEqual([])
    expect(printer.result(resultOf(0), 't0')).toBeUndefined()
    expect(printer.result(resultOf(1), 't1')).toBeUndefined()
    expect(stdout.chunks.map(String)).toEqual(['one\ntwo'])
    expect(readdirSync(tmpdir)).toEqual([])
    await printer.close()
  })

  test('a result without output prints nothing of an earlier attempt, and late pieces of it are dropped', async () => {
    const { printer, stdout } = testPrinter()
    put(printer, 0, 'first', { attempt: 1 })
    put(printer, 0, 'second', { attempt: 2 })
    put(printer, 0, 'late', { attempt: 1 })
    printer.result(resultOf(0, { attempt: 3 }), '')
    put(printer, 1, 'kept', { attempt: 2 })
    printer.result(resultOf(1, { attempt: 1, state: 'cancelled' }), '')
    expect(stdout.text).toBe('kept')
    await printer.close()
  })
})

describe('by line', () => {
  test('whole lines go out at once, and an open last line is ended only when another follows', async () => {
    const { printer, stdout } = testPrinter({ mode: 'line' })
    put(printer, 0, 'a\nb')
    put(printer, 1, 'c')
    expect(stdout.text).toBe('a\n')
    put(printer, 0, 'B')
    printer.result(resultOf(0))
    expect(stdout.text).toBe('a\nbB')
    put(printer, 1, 'C\nd')
    expect(stdout.text).toBe('a\nbB\ncC\n')
    printer.result(resultOf(1))
    await printer.close()
    expect(stdout.text).toBe('a\nbB\ncC\nd')
  })

  test('in order, the task whose turn it is prints live', async () => {
    const { printer, stdout } = testPrinter({ mode: 'line', keepOrder: true })
    put(printer, 1, 'second, ')
    put(printer, 0, 'first\n')
    expect(stdout.text).toBe('first\n')
    printer.result(resultOf(0))
    expect(stdout.text).toBe('first\nsecond, ')
    put(printer, 1, 'live\nthen')
    expect(stdout.text).toBe('first\nsecond, live\n')
    put(printer, 1, ' again', { attempt: 2 })
    expect(stdout.text).toBe('first\nsecond, live\nthen\n')
    await printer.close()
  })

  test('a very long line is not mixed with others and does not stay in memory', async () => {
    const { printer, stdout } = testPrinter({ mode: 'line', tmpdir: temporaryFolder() })
    for (let i = 0; i < 40; i++) {
      await put(printer, 0, 'x'.repeat(50_000))
      await put(printer, 1, `${i}\n`)
    }
    await put(printer, 0, '\n')
    const lines = stdout.text.split('\n')
    expect(lines.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, i) => String(i)))
    expect(lines[40]).toHaveLength(2_000_000)
    await printer.close()
  })
})

test('a label is shown with its control characters escaped', async () => {
  const { printer, stdout } = testPrinter({ tag: true })
  put(printer, 0, 'x\n\ny', { label: 'a\tb\nc\x1b[0m é' })
  printer.result(resultOf(0))
  const tag = 'a\\tb\\nc\\x1b[0m é\t'
  expect(stdout.bytes.toString()).toBe(`${tag}x\n${tag}\n${tag}y\n`)
  await printer.close()
})

test('ungrouped tasks print by themselves', async () => {
  const { printer, stdout } = testPrinter({ mode: 'none', keepOrder: true })
  put(printer, 0, 'x')
  printer.result(resultOf(0))
  await printer.close()
  expect(stdout.text).toBe('')
})

describe('JSON', () => {
  test('no results are an empty array, or nothing', async () => {
    const array = testPrinter({ json: 'array' })
    await array.printer.close()
    expect(array.stdout.text).toBe('[]\n')
    const lines = testPrinter({ json: 'lines' })
    await lines.printer.close()
    expect(lines.stdout.text).toBe('')
  })

  test('results stand in place of the output, one on each line', async () => {
    const { printer, stdout, stderr } = testPrinter({ json: 'array', mode: 'line' })
    put(printer, 0, 'dropped\n', { stream: 'stderr' })
    for (const index of [0, 1]) printer.result(resultOf(index, { stdout: 'a\nb' }))
    await printer.close()
    expect(JSON.parse(stdout.text)).toMatchObject([{ index: 0, stdout: 'a\nb' }, { index: 1 }])
    expect(stdout.text.split('\n')).toHaveLength(5)
    expect(stderr.text).toBe('')
  })

  test('results after a gap are printed when the printer is closed', async () => {
    const { printer, stdout } = testPrinter({ json: 'lines', keepOrder: true, limits: TINY, tmpdir: temporaryFolder() })
    for (const index of [4, 2]) printer.result(resultOf(index))
    expect(stdout.text).toBe('')
    await printer.close()
    expect(stdout.text.match(/"index":\d/g)).toEqual(['"index":2', '"index":4'])
  })
})

test('a broken standard output drops quietly', async () => {
  const { printer, stdout, stderr } = testPrinter({ limits: TINY, tmpdir: temporaryFolder(), keepOrder: true })
  stdout.broken = true
  await put(printer, 0, 'x'.repeat(100))
  await put(printer, 0, 'error', { stream: 'stderr' })
  await printer.result(resultOf(0))
  await printer.close()
  expect([stdout.text, stderr.text]).toEqual(['', 'error'])
})

test('a full disk is told to the caller and at the end, and what was kept is printed', async () => {
  const system = { ...nodeSystem, open: () => nodeSystem.open('/dev/full', 'r+') }
  const tmpdir = temporaryFolder()
  const { printer, stdout } = testPrinter({ tmpdir, limits: { ...TINY, folder: { system } } })
  await expect(put(printer, 0, 'x'.repeat(20))).rejects.toMatchObject({ code: 'ERR_DROVER_SPILL' })
  put(printer, 0, 'lost, and nobody looks at the promise')
  put(printer, 1, 'small')
  for (const index of [0, 1]) await printer.result(resultOf(index))
  expect(stdout.text).toBe(`${'x'.repeat(20)}small`)
  await expect(printer.close()).rejects.toMatchObject({ code: 'ERR_DROVER_SPILL' })
  expect(readdirSync(tmpdir)).toEqual([])
})

test('a disk that is really full', async (context) => {
  const tmpdir = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', tmpdir], { stdio: 'ignore' })
  } catch {
    return context.skip()
  }
  try {
    const { printer } = testPrinter({ tmpdir })
    const filling = async () => {
      for (let i = 0; i < 10; i++) await put(printer, 0, 'x'.repeat(50_000))
    }
    await expect(filling()).rejects.toThrow(/ENOSPC.*--tmpdir/)
    await printer.close().catch(() => {})
    expect(readdirSync(tmpdir)).toEqual([])
  } finally {
    execFileSync('umount', [tmpdir])
  }
})

test('after the end pieces are dropped and results rejected; closing twice is one', async () => {
  const { printer, stdout } = testPrinter()
  put(printer, 0, 'never ended')
  expect(printer.close()).toBe(printer.close())
  await printer.close()
  expect(put(printer, 1, 'x')).toBeUndefined()
  await expect(printer.result(resultOf(1))).rejects.toMatchObject({ code: 'ERR_DROVER_CLOSED' })
  expect(stdout.text).toBe('')
})

test('the exit handler leaves nothing', async () => {
  const tmpdir = temporaryFolder()
  const { printer } = testPrinter({ tmpdir, limits: { ...TINY, folder: { openFiles: 0 } } })
  await put(printer, 0, 'x'.repeat(100))
  expect(existsSync(`${tmpdir}/${readdirSync(tmpdir)[0]}/output-1`)).toBe(true)
  printer.removeSync()
  expect(readdirSync(tmpdir)).toEqual([])
  await printer.close()
})

test('waiting results resolve when they are kept, and not when they are printed', async () => {
  const { printer, stdout } = testPrinter({ keepOrder: true, limits: TINY, tmpdir: temporaryFolder() })
  const count = 2000
  for (let index = 1; index < count; index++) {
    await put(printer, index, `${index}\n`.repeat(1 + (index % 20)))
    await printer.result(resultOf(index))
  }
  expect(stdout.text).toBe('')
  await printer.result(resultOf(0))
  const wanted = Array.from({ length: count - 1 }, (_, i) => `${i + 1}\n`.repeat(1 + ((i + 1) % 20)))
  expect(stdout.text).toBe(wanted.join(''))
  await printer.close()
})
