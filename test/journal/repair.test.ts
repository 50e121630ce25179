import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { repairEnd } from '../../src/journal/repair.js'
import { resultLine } from '../../src/task/result-json.js'
import { resultOf } from '../output/support.js'
import { newPath } from './support.js'

const KEY = '0a1b2c3d'.repeat(4)
const HEAD = '{"type":"run","version":1,"run":"r1","startedAt":"","pid":1,"host":"h","cwd":"/","command":[]}'
const LINES = [
  HEAD,
  `{"type":"result","run":"r1","id":null,"key":"${KEY}","state":"failed","stdout":"é\\n"}`,
  `{"type":"attempt","run":"r1","id":"b","key":"${KEY}","state":"failed"}`,
  `{"type":"result","run":"r1","id":"b","key":"${KEY}","state":"succeeded"}`,
]
const WHOLE = Buffer.from(LINES.map((line) => `${line}\n`).join(''))

async function repair(path: string): ReturnType<typeof repairEnd> {
  const file = await open(path, 'a+')
  try {
    return await repairEnd(file, 'night.jsonl')
  } finally {
    await file.close()
  }
}

async function repaired(content: string | Buffer) {
  const path = newPath()
  writeFileSync(path, content)
  const found = await repair(path)
  return { ...found, content: readFileSync(path) }
}

/** What must be left of the first `size` bytes: whole lines, and a record that only lacks its newline. */
function wholeLines(size: number): string {
  const cut = WHOLE.subarray(0, size)
  const end = cut.lastIndexOf('\n') + 1
  const last = cut.subarray(end).toString()
  return cut.subarray(0, end).toString() + (LINES.includes(last) ? `${last}\n` : '')
}

describe('the end of a journal', () => {
  it('is left alone where it is whole', async () => {
    expect(await repaired(WHOLE)).toEqual({ size: WHOLE.length, cutBytes: 0, content: WHOLE })
    expect(await repaired('')).toEqual({ size: 0, cutBytes: 0, content: Buffer.alloc(0) })
  })

  it('is the last whole record, at whatever byte it was cut', async () => {
    const path = newPath()
    for (let size = 0; size <= WHOLE.length; size++) {
      writeFileSync(path, WHOLE.subarray(0, size))
      const found = await repair(path)
      const expected = wholeLines(size)
      expect(readFileSync(path, 'utf8'), `cut at ${size}`).toBe(expected)
      const bytes = Buffer.byteLength(expected)
      expect(found).toEqual({ size: bytes, cutBytes: Math.max(0, size - bytes) })
    }
  })

  it('is the last whole record also with NULs behind the cut', async () => {
    const path = newPath()
    for (let size = 0; size < WHOLE.length; size++) {
      writeFileSync(path, WHOLE.subarray(0, size))
      truncateSync(path, size + 1 + (size % 5000))
      await repair(path)
      const expected = WHOLE.subarray(0, WHOLE.subarray(0, size).lastIndexOf('\n') + 1)
      expect(readFileSync(path).equals(expected), `cut at ${size}`).toBe(true)
    }
  })

  it.each([1, 65_535, 65_536, 65_537, 300_000])(
    'is found before %d NULs, also when there is nothing else',
    async (nuls) => {
      const tail = Buffer.alloc(nuls)
      expect(await repaired(Buffer.concat([WHOLE, tail]))).toEqual({
        size: WHOLE.length,
        cutBytes: nuls,
        content: WHOLE,
      })
      expect(await repaired(tail)).toEqual({ size: 0, cutBytes: nuls, content: Buffer.alloc(0) })
    },
  )

  it('is found before a torn record of megabytes, also when that is the first', async () => {
    const torn = Buffer.from(resultLine(resultOf(0, { key: KEY, stdout: 'x'.repeat(3_000_000) })).slice(0, -1))
    expect(await repaired(Buffer.concat([WHOLE, torn]))).toMatchObject({ cutBytes: torn.length, content: WHOLE })
    expect(await repaired(torn)).toMatchObject({ size: 0, cutBytes: torn.length })
  })
})

/** What somebody may name by mistake. */
const OTHERS: Readonly<Record<string, string | Buffer>> = {
  text: 'one\ntwo\nand no newline',
  'text that begins with an empty line': '\none\ntwo and no newline',
  'an empty line': '\n',
  'pretty JSON': '{\n  "name": "drover",\n  "type": "module"\n}',
  'JSON in a line': '{"name":"drover"}',
  'the beginning of an object and a line': '{"type\nmore',
  'a list': '[{"command":"true"}]\n',
  tasks: '{"command":"true"}\n{"command":"false"}',
  'results of something else': '{"type":"result","price":5}\n{"type":"result","price":6}',
  'one result of something else': '{"type":"result","price":5}',
  'a record in spaces': ` ${HEAD}\n`,
  'a record behind a byte order mark': `\ufeff${HEAD}\n`,
  'an ELF file': Buffer.from('7f454c4602010100', 'hex'),
  'NULs and then something': Buffer.concat([Buffer.alloc(70_000), Buffer.from('data')]),
  'NULs and then lines': Buffer.concat([Buffer.alloc(70_000), Buffer.from('a\nb\nc')]),
  'a long line': 'x'.repeat(200_000),
}

describe('a file that is no journal', () => {
  it.each(Object.entries(OTHERS))('is refused and left as it was: %s', async (_what, content) => {
    const path = newPath()
    writeFileSync(path, content)
    const before = readFileSync(path)
    await expect(repair(path)).rejects.toThrow('the journal night.jsonl is some other file, which was left as it is')
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('is refused, whatever it is', async () => {
    const path = newPath()
    const unit = fc.constantFrom('{', '"', '\n', '\0', 'a', '{"type":', '"run"', '"result"')
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, minLength: 1, maxLength: 12 }), async (content) => {
        const isTorn = ['{"type":"run"', '{"type":"result"', '{"type":"attempt"'].some(
          (beginning) => content.startsWith(beginning) || beginning.startsWith(content.replace(/\0+$/, '')),
        )
        fc.pre(!isTorn)
        writeFileSync(path, content)
        await expect(repair(path)).rejects.toThrow(/some other file/)
        expect(readFileSync(path, 'utf8')).toBe(content)
      }),
    )
  })
})

it.each([2, 99])('a journal of format version %d is refused and left as it was', async (version) => {
  const path = newPath()
  const content = `${HEAD.replace('"version":1', `"version":${version}`)}\n{"type":"result","torn`
  writeFileSync(path, content)
  await expect(repair(path)).rejects.toThrow(`has format version ${version}, and this drover knows 1`)
  expect(readFileSync(path, 'utf8')).toBe(content)
})

it('a journal whose first record a power cut has damaged is still one', async () => {
  const damaged = Buffer.from(WHOLE)
  damaged.fill(0, 40, 60)
  expect(await repaired(damaged)).toEqual({ size: damaged.length, cutBytes: 0, content: damaged })
})
