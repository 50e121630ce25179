import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { drover, PROGRAM } from '../helpers/drover.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { until } from '../helpers/until.js'
import { resultOf } from '../output/support.js'
import { makeJournal } from './make-journal.mjs'
import { readHtml, readPage } from './support.js'

const folder = new JournalFolder()
afterAll(() => folder.remove())
const path = (name: string) => join(folder.path, name)

/** One of each kind, of which the retried one succeeds in the end. */
const TASKS = [
  { id: 'good', command: 'echo fine' },
  { id: 'bad', command: 'echo "cannot open it" >&2; exit 3' },
  { id: 'slow', command: 'sleep 60', timeoutMs: 300 },
  { id: 'shot', command: 'kill -SEGV $$' },
  { id: 'missing', command: 'no-such-program', args: ['a b'] },
  { id: 'flaky', command: 'test -e tried || { touch tried; exit 1; }', retries: 1 },
]

describe('of a run', () => {
  it('shows what became of each task', async () => {
    const tasks = folder.write(TASKS.map((task) => JSON.stringify(task)).join('\n'))
    const run = ['run', '--tasks', tasks, '-j', '3', '--backoff', '1ms', '--journal', path('night.jsonl')]
    expect(await drover(run, { cwd: folder.path })).toMatchObject({ status: 4 })
    const end = await drover(['report', path('night.jsonl')])
    expect(end).toMatchObject({ status: 0, stdout: '' })
    expect(end.stderr).toMatch(/^drover: .*night\.html: 6 results, 1 attempt tried again, \d+ kB\n$/)
    const { head, rows } = readPage(path('night.html'))
    expect(head.runs).toMatchObject([{ cwd: folder.path, command: ['drover', ...run] }])
    const row = (id: string) => rows.find((each) => each.id === id && !each.isAttempt)!
    expect(row('good')).toMatchObject({ state: 'succeeded', exitCode: 0, detail: null, command: 'echo fine' })
    expect(row('bad')).toMatchObject({ state: 'failed', exitCode: 3, detail: { stderr: 'cannot open it\n' } })
    expect(row('slow')).toMatchObject({ state: 'timed-out', detail: { error: { code: 'ERR_DROVER_TIMEOUT' } } })
    expect(row('shot')).toMatchObject({ state: 'killed', exitCode: null, detail: { signal: 'SIGSEGV' } })
    expect(row('missing')).toMatchObject({ state: 'spawn-failed', command: 'no-such-program "a b"' })
    expect(row('flaky')).toMatchObject({ state: 'succeeded', attempt: 2, attempts: 2 })
    expect(rows.filter(({ isAttempt }) => isAttempt)).toMatchObject([{ id: 'flaky', attempt: 1, state: 'failed' }])

    const trace = await drover(['report', '--trace', path('night.jsonl')])
    expect(trace.stderr).toContain('ui.perfetto.dev')
    const { traceEvents } = JSON.parse(readFileSync(path('night.trace.json'), 'utf8'))
    expect(
      traceEvents.filter(({ ph }: { ph: string }) => ph === 'X').map(({ name }: { name: string }) => name),
    ).toContain('flaky')
  })
})

describe('where it goes', () => {
  const journal = folder.write(runHead() + linesOf([resultOf(0)]))

  it('to the file that was named, which only its owner can read', async () => {
    expect(await drover(['report', journal, '-o', path('mine.htm'), '--quiet'])).toMatchObject({
      status: 0,
      stderr: '',
    })
    expect(statSync(path('mine.htm')).mode & 0o777).toBe(0o600)
    expect(readPage(path('mine.htm')).rows).toHaveLength(1)
  })

  it('to standard output', async () => {
    const { status, stdout, stderr } = await drover(['report', journal, '-o', '-'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(readHtml(stdout).rows).toHaveLength(1)
  })

  it('nowhere, and nothing is left of it, when a signal ends it', async () => {
    const place = mkdtempSync(path('interrupted-'))
    makeJournal(join(place, 'large.jsonl'), 50_000)
    const child = spawn(process.execPath, [PROGRAM, 'report', join(place, 'large.jsonl')], { stdio: 'ignore' })
    const left = () => readdirSync(place).filter((name) => name.startsWith('.'))
    await until('it writes', () => left().length > 0)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT'])
    expect(readdirSync(place)).toEqual(['large.jsonl'])
  })

  it('not over a journal, nor beside it over what is no report', async () => {
    expect(await drover(['report', journal, '-o', journal])).toMatchObject({ status: 255 })
    expect(readFileSync(journal, 'utf8')).toContain('"type":"run"')
  })
})

describe('mistakes', () => {
  it.each([
    [['report'], "missing required argument 'JOURNAL'"],
    [['report', '/nowhere.jsonl'], 'there is no such file'],
    [['report', '/etc/passwd'], 'holds no records of drover'],
    [['report', 'a.jsonl', 'b.jsonl'], 'too many arguments'],
    [['report', 'a.jsonl', '--tracee'], 'Did you mean --trace?'],
    [['reprot', 'a.jsonl'], 'Did you mean report?'],
    [['run', '--report', 'somewhere', 'true'], '--report: expected [HOST:]PORT'],
    [['submit', '--queue', 'redis://h', '--report', '0', 'true'], '--report is about results'],
  ])('%j', async (args, message) => {
    const end = await drover(args)
    expect(end.status).toBe(255)
    expect(end.stderr).toContain(message)
  })

  it('lines that are none are counted, and the rest is shown', async () => {
    const journal = folder.write(`${runHead()}${linesOf([resultOf(0)])}garbage\n`)
    const { status, stderr } = await drover(['report', journal])
    expect(status).toBe(0)
    expect(stderr).toContain('1 line is no record and was passed over')
    expect(existsSync(journal.replace('.jsonl', '.html'))).toBe(true)
  })

  it('its help begins with examples', async () => {
    const { stdout } = await drover(['report', '--help'])
    expect(stdout).toMatch(/^Examples:\n {2}drover report night\.jsonl /)
  })
})
