import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { run } from '../../src/process/run.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { until } from '../helpers/until.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-input-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function results(tasks: readonly Task[], options = {}): Promise<Result[]> {
  const list: Result[] = []
  for await (const result of dispatch(tasks, options)) list.push(result)
  return list
}

const LONG = Buffer.from(Array.from({ length: 400_000 }, (_, n) => `${n}\n`).join(''))

for (const launcher of ['native', 'node'] as const) {
  describe(`with the ${launcher} launcher, a task reads`, () => {
    it('long text and bytes, whole, whatever becomes of what it leaves behind', async () => {
      for (const leftovers of ['kill', 'keep', 'wait'] as const) {
        for (const stdin of [LONG, LONG.toString()]) {
          const { stdout } = await run('cat', [], { stdin, launcher, leftovers })
          expect(stdout === LONG.toString()).toBe(true)
        }
      }
    })

    it('a stream, and what an async generator gives', async () => {
      const stream = await run('cat', [], { stdin: Readable.from([LONG, 'text']), launcher })
      expect(stream.stdout === `${LONG}text`).toBe(true)
      async function* pieces() {
        for (let n = 0; n < 5_000; n++) yield n % 2 === 0 ? `${n}\n` : Buffer.from(`${n}\n`)
      }
      expect((await run('wc -l', { stdin: pieces(), launcher })).stdout.trim()).toBe('5000')
      expect((await run('wc -c', { stdin: Readable.from([]), launcher })).stdout.trim()).toBe('0')
    })

    it('no more than it wants: the stream is left then', async () => {
      let [given, left] = [0, false]
      async function* endless() {
        try {
          for (;;) {
            given += 1
            yield Buffer.alloc(65_536, 'y\n')
          }
        } finally {
          left = true
        }
      }
      expect((await run('head -n 1', { stdin: endless(), launcher })).stdout).toBe('y\n')
      await until('it is left', () => left)
      expect(given).toBeLessThan(100)
    })

    it('a stream that fails: it is ended, and its result says why', async () => {
      async function* failing() {
        yield 'begun\n'
        throw new Error('the source is gone')
      }
      const result = await run('cat; sleep 600', { stdin: failing(), launcher, reject: false })
      expect(result).toMatchObject({
        state: 'cancelled',
        error: { code: 'ERR_DROVER_STDIN', message: 'standard input cannot be read: the source is gone' },
      })
    })

    it('a stream that fails with nothing said', async () => {
      const failing = async function* () {
        yield 'some'
        throw null
      }
      const result = await run('cat; sleep 600', { stdin: failing(), launcher, reject: false })
      expect(result).toMatchObject({
        state: 'cancelled',
        error: { code: 'ERR_DROVER_STDIN', message: 'standard input cannot be read: null' },
      })
    })

    it('parts of a file, again and again where it is tried again', async () => {
      const stdinFile = join(folder, `file-${launcher}`)
      writeFileSync(stdinFile, '0123456789')
      const log = join(folder, `log-${launcher}`)
      const command = `cat >> ${log}; test "$(wc -c < ${log})" -ge 12`
      const ranges = [
        [0, 2],
        [5, 9],
      ] as const
      const [result] = await results([{ command, stdinFile, stdinRanges: ranges, retries: 1 }], {
        backoffMs: 0,
        launcher,
      })
      expect(result).toMatchObject({ state: 'succeeded', attempt: 2 })
      expect((await run('cat', [log])).stdout).toBe('015678015678')
    })

    it('parts of a file that are not there: it is cancelled, whatever it made of the rest', async () => {
      const stdinFile = join(folder, 'short')
      writeFileSync(stdinFile, '0123456789')
      const result = await run({ command: 'cat', stdinFile, stdinRanges: [[5, 20]] }, { launcher, reject: false })
      expect(result).toMatchObject({ state: 'cancelled', error: { code: 'ERR_DROVER_STDIN' } })
      const none = await run({ command: 'cat', stdinFile: folder, stdinRanges: [[0, 1]] }, { launcher, reject: false })
      expect(none).toMatchObject({ state: 'spawn-failed', error: { code: 'EISDIR' } })
    })
  })
}

describe('a task with a stream', () => {
  it('is never tried again, and is known by all but what it reads', async () => {
    const tasks = [1, 2].map((n): Task => ({ command: 'cat; exit 1', stdin: Readable.from([String(n)]) }))
    const found = await results(tasks, { retries: 5, backoffMs: 0, keys: true })
    expect(found.map(({ state, attempt, attempts }) => [state, attempt, attempts])).toEqual([
      ['failed', 1, 1],
      ['failed', 1, 1],
    ])
    expect(found.map(({ key }) => key).sort()).toEqual([
      found[0]!.key!.slice(0, 32),
      `${found[0]!.key!.slice(0, 32)}-1`,
    ])
  })

  it('is not begun to be read when the task cannot be started', async () => {
    let begun = false
    async function* untouched() {
      begun = true
      yield 'x'
    }
    const [result] = await results([{ command: 'there-is-no-such-program', args: [], stdin: untouched() }])
    expect(result).toMatchObject({ state: 'spawn-failed' })
    expect(begun).toBe(false)
  })

  it('has a key that goes by its bytes where they are many, text or not', async () => {
    const of = async (stdin: Task['stdin']) =>
      (await results([{ command: 'true', ...(stdin && { stdin }) }], { keys: true }))[0]!.key
    const key = await of(LONG)
    expect(await of(LONG.toString())).toBe(key)
    expect(await of({ base64: LONG.toString('base64') })).toBe(key)
    const other = Buffer.from(LONG)
    other[200_000] = 0
    expect(await of(other)).not.toBe(key)
  })

  it('whose parts of a file cannot be is no task', async () => {
    const bad: [object, string][] = [
      [{ stdinRanges: [[0, 1]] }, 'expected stdinFile as well'],
      [{ stdinFile: 'x', stdinRanges: [] }, 'at least one range'],
      [{ stdinFile: 'x', stdinRanges: [[2, 1]] }, 'does not end before it begins'],
      [{ stdinFile: 'x', stdinRanges: [[-1, 1]] }, 'at least 0'],
      [{ stdinFile: 'x', stdinRanges: [[1]] }, 'expected'],
      [{ stdinFile: 'x', stdinRanges: Array.from({ length: 65 }, () => [0, 1]) }, 'at most 64'],
    ]
    for (const [fields, why] of bad) {
      const [result] = await results([{ command: 'cat', ...fields } as Task])
      expect(result).toMatchObject({ state: 'invalid', error: { message: expect.stringContaining(why) } })
    }
  })
})
