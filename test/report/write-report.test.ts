import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { writeReport } from '../../src/index.js'
import type { Attempt, Result } from '../../src/task/result.js'
import { resultLine } from '../../src/task/result-json.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'
import { readPage } from './support.js'

const folder = new JournalFolder()
afterAll(() => folder.remove())

const startedAt = '2026-01-01T00:00:00.000Z'
const key = (n: number) => n.toString(16).padStart(32, '0')
const good = resultOf(0, { key: key(1), startedAt, durationMs: 4.2 })
const bad = resultOf(1, {
  id: 'b',
  key: key(2),
  startedAt,
  state: 'failed',
  exitCode: 3,
  durationMs: 75,
  stderr: 'why',
})
const attemptOf = (result: Result): Attempt => ({ ...result, type: 'attempt', state: 'failed' })
const headOf = (run: string) => runHead().replace('"r1"', `"${run}"`)

describe('what is in it', () => {
  it('holds the newest result of each task, the attempts since, and the runs', async () => {
    const older = { ...bad, run: 'r1' }
    const newer = { ...bad, run: 'r2', state: 'succeeded', exitCode: 0 } as const
    const journal = folder.write(
      headOf('r1') +
        linesOf([good, attemptOf(older), older]) +
        headOf('r2') +
        linesOf([attemptOf({ ...newer, attempt: 1 }), { ...newer, attempt: 2 }]),
    )
    const written = await writeReport(journal)
    expect(written).toMatchObject({ results: 2, attempts: 1, runs: ['r1', 'r2'] })
    const { head, rows } = readPage(written.path)
    expect(head.runs.map(({ run, cwd }) => [run, cwd])).toEqual([
      ['r1', '/'],
      ['r2', '/'],
    ])
    expect(rows.map(({ index, state, isAttempt, run }) => [index, state, isAttempt, run])).toEqual([
      [0, 'succeeded', false, 0],
      [1, 'failed', true, 1],
      [1, 'succeeded', false, 1],
    ])
  })

  it('reads what --json has printed, which has no heads of runs', async () => {
    const written = await writeReport(folder.write(linesOf([good, bad])))
    const { head, rows } = readPage(written.path)
    expect(head.runs).toEqual([{ run: 'r1', startedAt: null, host: null, cwd: null, command: [] }])
    expect(rows).toHaveLength(2)
  })

  it('passes over lines that are none, and a torn last one', async () => {
    const damaged: number[] = []
    const journal = folder.write(
      `${runHead()}${linesOf([good])}{"type":"result",\n${resultLine(bad)}\n${resultLine(good).slice(0, 50)}`,
    )
    const written = await writeReport(journal, { onDamage: ({ bytes }) => damaged.push(bytes) })
    expect(readPage(written.path).rows).toHaveLength(2)
    expect(damaged).toEqual([17])
    expect(readPage(written.path).head.damagedLines).toBe(1)
  })

  it.each([
    ['nothing', ''],
    ['only a head', runHead()],
    ['only NULs', Buffer.alloc(100)],
  ])('a journal with %s is an empty report', async (_, content) => {
    const { path, results } = await writeReport(folder.write(content))
    expect(results).toBe(0)
    expect(readPage(path).rows).toEqual([])
  })

  it('has nothing that a task has said but in base64', async () => {
    const hostile = '</script><script>alert(1)</script><!-- \u2028 <img src=x onerror=alert(2)>'
    const result = resultOf(0, { id: hostile, command: hostile, state: 'failed', stderr: hostile, host: hostile })
    const head = runHead().replace('"command":[]', `"command":[${JSON.stringify(hostile)}]`)
    const { html, rows } = readPage((await writeReport(folder.write(head + linesOf([result])))).path)
    expect(rows[0]!.id).toBe(hostile)
    expect(html).not.toContain('alert(')
    expect(html).not.toContain('\u2028')
    expect(html.match(/<script/g)).toHaveLength(3)
  })
})

describe('where it goes', () => {
  it.each([
    ['night.jsonl', 'html', 'night.html'],
    ['night', 'html', 'night.html'],
    ['night.2026', 'html', 'night.2026.html'],
    ['night.jsonl', 'trace', 'night.trace.json'],
    ['.jsonl', 'html', '.jsonl.html'],
  ] as const)('beside %s, as %s, is %s', async (name, form, expected) => {
    const place = join(folder.path, `where-${name}-${form}`)
    mkdirSync(place)
    writeFileSync(join(place, name), linesOf([good]))
    expect((await writeReport(join(place, name), { form })).path).toBe(join(place, expected))
    expect(readdirSync(place).sort()).toEqual([name, expected].sort())
  })

  it('only its owner can read it', async () => {
    const { path } = await writeReport(folder.write(linesOf([good])))
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('replaces a report, and beside the journal nothing else', async () => {
    const journal = folder.write(linesOf([good]))
    const { path } = await writeReport(journal)
    expect((await writeReport(journal)).path).toBe(path)
    writeFileSync(path, '<h1>mine</h1>')
    await expect(writeReport(journal)).rejects.toThrow('is there and is no report; name the file with -o')
    expect(readFileSync(path, 'utf8')).toBe('<h1>mine</h1>')
    await writeReport(journal, { file: path })
    expect(readPage(path).rows).toHaveLength(1)
  })

  it('never replaces a journal', async () => {
    const journal = folder.write(runHead() + linesOf([good]))
    const other = folder.write(linesOf([bad]))
    const damaged = folder.write(`\0\0\0damaged\n${linesOf([bad])}`)
    const empty = folder.write('')
    for (const [made, file, message] of [
      [journal, other, 'is a journal, which was left as it is'],
      [journal, damaged, 'is a journal, which was left as it is'],
      [journal, journal, 'is the journal itself'],
      [damaged, damaged, 'is the journal itself'],
      [empty, empty, 'is the journal itself'],
    ] as const) {
      const before = readFileSync(file, 'utf8')
      await expect(writeReport(made, { file })).rejects.toThrow(message)
      expect(readFileSync(file, 'utf8')).toBe(before)
    }
  })

  it('writes through a link, and to what is no file', async () => {
    const journal = folder.write(linesOf([good]))
    const [target, link] = [join(folder.path, 'target.html'), join(folder.path, 'link.html')]
    writeFileSync(target, 'old')
    symlinkSync(target, link)
    await writeReport(journal, { file: link })
    expect(readPage(target).rows).toHaveLength(1)
    expect((await writeReport(journal, { file: '/dev/null' })).bytes).toBeGreaterThan(50_000)
  })

  it('what was there stays when it fails, and nothing is left beside it', async () => {
    const place = join(folder.path, 'failing')
    mkdirSync(place)
    const journal = join(place, 'j.jsonl')
    // A second head, of a format that is not known, is found only when the rest has been read.
    writeFileSync(journal, runHead() + linesOf([good]) + runHead(99))
    await expect(writeReport(journal)).rejects.toMatchObject({ code: 'ERR_DROVER_JOURNAL' })
    expect(readdirSync(place)).toEqual(['j.jsonl'])
  })
})

describe('mistakes', () => {
  it.each([
    ['a file that is missing', () => join(folder.path, 'nope.jsonl'), 'there is no such file'],
    ['a directory', () => folder.path, 'is a directory'],
    ['something else', () => folder.write('hello\n'), 'holds no records of drover'],
    ['a JSON array', () => folder.write('[{}]\n'), 'is a JSON array'],
  ])('%s', async (_, pathOf, message) => {
    const path = pathOf()
    await expect(writeReport(path)).rejects.toThrow(message)
    expect(existsSync(`${path}.html`)).toBe(false)
  })

  it('a place where nothing can be written', async () => {
    const journal = folder.write(linesOf([good]))
    await expect(writeReport(journal, { file: '/nowhere/at/all.html' })).rejects.toThrow('its directory does not exist')
    await expect(writeReport(journal, { file: folder.path })).rejects.toThrow('is a directory; name a file')
    const closed = join(folder.path, 'closed')
    mkdirSync(closed)
    chmodSync(closed, 0o500)
    // Who is root may write everywhere.
    if (process.getuid!() !== 0)
      await expect(writeReport(journal, { file: join(closed, 'x.html') })).rejects.toThrow('permission denied')
  })

  it.each([
    [{ form: 'pdf' }, 'form: expected one of html, trace'],
    [{ file: '' }, 'file: expected the path of a file'],
    [{ output: 'x' }, 'output'],
    [{ onDamage: 1 }, 'onDamage: expected a function'],
  ])('%j', async (options, message) => {
    await expect(writeReport('x.jsonl', options as never)).rejects.toMatchObject({
      code: 'ERR_DROVER_OPTION',
      message: expect.stringContaining(message),
    })
  })
})
