import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { until } from '../helpers/until.js'
import { all, chunksOf, file, open } from './support/read.js'

const directory = mkdtempSync(join(tmpdir(), 'drover-ahead-'))
afterAll(() => rmSync(directory, { recursive: true }))

describe('a stream of items', () => {
  it('is counted as soon as its end is there, however little of it is used', async () => {
    const input = await open({ command: ['p'], stdin: chunksOf('item\n'.repeat(50_000), 4_096) })
    expect([input.total, input.totalNow()]).toEqual([null, null])
    const tasks = input[Symbol.asyncIterator]()
    await tasks.next()
    await until('it is counted', () => input.totalNow() !== null)
    expect(input.totalNow()).toBe(50_000)
    await tasks.return?.()
  })

  it('makes as many tasks as were counted, whatever is in it and however it comes', async () => {
    const content = fc.array(fc.constantFrom('a', 'b c', '\n', '\n', '\0', ' ', '\t', 'x'.repeat(9), '\r'), {
      size: 'large',
    })
    const forms = [
      { command: ['p'] },
      { command: [] },
      { command: ['p'], itemsPerTask: 3 },
      { command: ['p {2}'], argFiles: ['-', file(directory, 'others', '1\n2\n\0\n')] },
      { command: ['p', '{1}{2}'], argFiles: ['-', file(directory, 'none', '')] },
      { command: ['p'], delimiter: 'a' },
    ]
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 50 }), fc.nat(5), async (parts, size, form) => {
        const input = await open({ ...forms[form], maxLineBytes: 8, stdin: chunksOf(parts.join(''), size) }).catch(
          () => null,
        )
        // A file with a bad line is refused before anything.
        if (input === null) return
        const { length } = await all(input)
        expect(input.totalNow()).toBe(length)
      }),
      { numRuns: 300 },
    )
  })

  it('is read ahead by no more than a mebibyte, or a thousand pieces', async () => {
    for (const [bytes, most] of [
      [65_536, 17],
      [10, 1_025],
    ] as const) {
      let given = 0
      async function* endless(): AsyncGenerator<Buffer> {
        for (;;) {
          given += 1
          yield Buffer.alloc(bytes, 'item\n')
        }
      }
      const input = await open({ command: ['p'], stdin: endless() })
      const tasks = input[Symbol.asyncIterator]()
      await tasks.next()
      await until('it is read ahead', () => given >= most - 1)
      await new Promise((resolve) => setImmediate(resolve))
      expect(given).toBeLessThanOrEqual(most)
      for (let n = 0; n < bytes; n++) await tasks.next()
      await until('there is room again', () => given > most - 1)
      await tasks.return?.()
      const left = given
      await new Promise((resolve) => setImmediate(resolve))
      expect(given).toBeLessThanOrEqual(left + 1)
      expect(input.totalNow()).toBeNull()
    }
  })

  it('that fails does so after what came before, and is not counted', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('a\nb\n')
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    const input = await open({ command: ['p', '{}'], stdin: broken() })
    const tasks = input[Symbol.asyncIterator]()
    expect(await tasks.next()).toMatchObject({ value: { args: ['a'] } })
    expect(await tasks.next()).toMatchObject({ value: { args: ['b'] } })
    await expect(tasks.next()).rejects.toThrow(/EIO/)
    expect(input.totalNow()).toBeNull()
  })
})
