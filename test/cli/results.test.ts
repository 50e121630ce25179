import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createWriteStream, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resultLine } from '../../src/task/result-json.js'
import { ALLOWED_MEMORY } from '../helpers/allowed-memory.js'
import { Drover, drover, PROGRAM, resultsOf } from '../helpers/drover.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'

const folder = new JournalFolder()
afterAll(() => folder.remove())

const startedAt = '2026-01-01T00:00:00.000Z'
const key = (n: number) => n.toString(16).padStart(32, '0')
const fast = resultOf(0, { key: key(1), startedAt, durationMs: 4.2, command: 'echo hi' })
const bad = resultOf(1, { id: 'b', key: key(2), startedAt, state: 'failed', exitCode: 3, durationMs: 75_000 })
const shot = resultOf(2, { id: 'c', key: key(3), startedAt, state: 'killed', exitCode: null, signal: 'SIGSEGV' })
const missing = resultOf(3, {
  key: key(4),
  state: 'spawn-failed',
  exitCode: null,
  command: 'nope',
  args: ['a b', 'c'],
  error: { code: 'ENOENT', message: 'there is no program nope on the PATH' },
})
const better = { ...bad, run: 'r2', state: 'succeeded', exitCode: 0, durationMs: 12 } as const
const path = folder.write(runHead() + linesOf([fast, bad, shot, missing]) + runHead() + linesOf([better]))

/** What is shown, its columns parted by a bar. */
const rowsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ {2,}/g, '|'))

describe('for people', () => {
  it('shows what became of each task, in columns, and counts', async () => {
    const end = await drover(['results', path])
    expect(end).toMatchObject({ status: 0, stderr: 'drover: 4 results: 2 succeeded, 1 killed, 1 spawn-failed\n' })
    expect(rowsOf(end.stdout)).toEqual([
      'succeeded|4 ms|exit 0|#1|echo hi',
      'killed|1 ms|SIGSEGV|c|true',
      'spawn-failed|-|ENOENT|#4|nope "a b" c',
      'succeeded|12 ms|exit 0|b|true',
    ])
    const places = end.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.search(/(#1|c|#4|b) +(echo|true|nope)/))
    expect(new Set(places).size).toBe(1)
  })

  it('shows every result of every run, by id and by state', async () => {
    const all = await drover(['results', '--all', '--id', 'b', '--id', 'c', path])
    expect(rowsOf(all.stdout)).toEqual([
      'failed|1 min 15 s|exit 3|b|true',
      'killed|1 ms|SIGSEGV|c|true',
      'succeeded|12 ms|exit 0|b|true',
    ])
    const some = await drover(['results', path, '--state', 'killed, spawn-failed', '--state', 'failed'])
    expect(rowsOf(some.stdout).map((row) => row.split('|')[0])).toEqual(['killed', 'spawn-failed'])
  })

  it('shows the slowest first', async () => {
    const end = await drover(['results', path, '--slowest', '2', '--all'])
    expect(rowsOf(end.stdout)).toEqual(['failed|1 min 15 s|exit 3|b|true', 'succeeded|12 ms|exit 0|b|true'])
  })

  it('shows tries that were followed by another', async () => {
    const tried = { ...fast, type: 'attempt', attempts: 3, state: 'timed-out', exitCode: null } as const
    const file = folder.write(linesOf([tried, { ...fast, attempt: 2, attempts: 3 }]))
    const end = await drover(['results', file, '--attempts'])
    expect(rowsOf(end.stdout)).toEqual(['timed-out|4 ms|-|#1 (try 1 of 3)|echo hi', 'succeeded|4 ms|exit 0|#1|echo hi'])
    expect(end.stderr).toBe('drover: 2 records: 1 succeeded, 1 timed-out\n')
    const { stdout } = await drover(['results', file, '--attempts', '--csv'])
    expect(parse(stdout, { columns: true })).toMatchObject([{ type: 'attempt' }, { type: 'result' }])
  })

  it('says so when nothing matched, which is no failure', async () => {
    const end = await drover(['results', path, '--state', 'lost'])
    expect(end).toMatchObject({ status: 0, stdout: '', stderr: 'drover: 0 results\n' })
    expect(await drover(['results', folder.write('')])).toMatchObject({ status: 0, stdout: '' })
  })

  it('lets no name or command do anything to the terminal', async () => {
    const nasty = resultOf(0, { id: 'a\x1b[2J\nb', command: 'x\r\n\ty', args: ['\x9b31m\x07', '\x7f'] })
    const end = await drover(['results', '--color', 'never', folder.write(linesOf([nasty]))])
    expect(end.stdout).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f]/)
    expect(end.stdout.match(/\n/g)).toHaveLength(1)
    expect(end.stdout).toContain('a\\x1b[2J\\nb')
  })

  it('colors states on demand', async () => {
    const end = await drover(['results', '--color', 'always', path], { env: { NO_COLOR: '1' } })
    const colors = end.stdout.split('\n').map((line) => line.slice(0, 5))
    expect(colors).toEqual(['\x1b[32m', '\x1b[31m', '\x1b[31m', '\x1b[32m', ''])
    const plain = await drover(['results', path])
    expect(stripVTControlCharacters(end.stdout)).toBe(plain.stdout)
    expect(plain.stdout).not.toContain('\x1b')
  })

  it('shows whole commands where nothing says how wide a line may be', async () => {
    const command = `echo ${'long '.repeat(200)}end`
    const end = await drover(['results', folder.write(linesOf([resultOf(0, { command })]))])
    expect(end.stdout).toContain(command)
  })
})

describe('--json', () => {
  it('prints the objects of the journal, byte by byte', async () => {
    const journal = join(folder.path, 'run.jsonl')
    const lines = ["printf '\\377'; exit {}", 'yes | head -c 700000; echo é >&2; exit {}']
    for (const line of lines) await drover(['run', '--journal', journal, line, ':::', '0', '1'])
    const written = readFileSync(journal, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{"type":"result"'))
    const { stdout, stderr } = await drover(['results', '--json', journal])
    expect(stdout.trimEnd().split('\n')).toEqual(written)
    expect(stderr).toBe('')
  })

  it('reads what drover run --json has printed', async () => {
    const { stdout } = await drover(['run', '--json', 'echo {}', ':::', 'a', 'b'])
    const again = await drover(['results', '--json', folder.write(stdout)])
    expect(again.stdout).toBe(stdout)
  })
})

describe('--csv', () => {
  const names =
    'index,id,key,state,exitCode,signal,attempt,attempts,startedAt,durationMs,queuedMs,cpuUserMs,cpuSystemMs,maxRssBytes,' +
    'pid,host,command,args,stdout,stderr,stdoutBytes,stderrBytes,truncated,errorCode,errorMessage,run'

  it('comes back from a CSV parser as it was', async () => {
    const odd = ['a,b', 'say "hi"', 'one\ntwo\r\nthree', ' spaced ', "'", '日本\u2028', 'x\ty', 'NULL', '""']
    const records = odd.map((stdout, index) =>
      resultOf(index, {
        id: stdout,
        stdout,
        stderr: stdout.repeat(9_000),
        command: stdout,
        args: [stdout, ''],
        pid: 7,
      }),
    )
    const { stdout, status } = await drover(['results', '--csv', folder.write(linesOf([...records, missing]))])
    expect(status).toBe(0)
    const rows = parse(stdout, { columns: true }) as Record<string, string>[]
    expect(rows).toHaveLength(records.length + 1)
    for (const [index, record] of records.entries()) {
      const { id, command, args } = record
      expect(rows[index]).toMatchObject({
        ...{ index: String(index), id, state: 'succeeded', exitCode: '0', signal: '', durationMs: '1', pid: '7' },
        ...{ command, args: JSON.stringify(args), stdout: record.stdout, stderr: record.stderr, truncated: 'false' },
        ...{ errorCode: '', key: '', run: 'r1', host: 'here' },
      })
    }
    expect(rows.at(-1)).toMatchObject({ errorCode: 'ENOENT', errorMessage: missing.error!.message, exitCode: '' })
    expect(Object.keys(rows[0]!).join(',')).toBe(names)
  })

  it('has a header also when it has nothing else', async () => {
    const end = await drover(['results', '--csv', folder.write('')])
    expect(end).toMatchObject({ status: 0, stdout: `${names}\n`, stderr: '' })
  })

  it('puts nothing into a spreadsheet that is taken for a formula', async () => {
    const texts = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1']
    const records = texts.map((text, index) => resultOf(index, { id: text, stdout: text, command: text, exitCode: -1 }))
    const { stdout } = await drover(['results', '--csv', folder.write(linesOf(records))])
    const rows = parse(stdout, { columns: true }) as Record<string, string>[]
    expect(rows.map((row) => [row.id, row.stdout, row.command])).toEqual(texts.map((text) => Array(3).fill(`'${text}`)))
    // A negative number is no formula.
    expect(rows[0]!.exitCode).toBe('-1')
  })
})

describe('a journal that is damaged', () => {
  it('is read for what is whole, and the rest is counted', async () => {
    const lines = [linesOf([fast]), '\0\0\0\n', linesOf([shot]), '{"type":"result","run"\n', linesOf([better])]
    const torn = resultLine(missing).slice(0, 100)
    const end = await drover(['results', '--json', folder.write(`${runHead()}${lines.join('')}${torn}`)])
    expect(resultsOf(end)).toEqual([fast, shot, better])
    expect(end.status).toBe(0)
    expect(end.stderr).toMatch(/^drover: .*: 2 lines are no records and were passed over, as after a power cut\n$/)
    const one = await drover(['results', folder.write(`\0\n${linesOf([fast])}\0\0\0`)])
    expect(one.stderr).toMatch(/: 1 line is no record .*\ndrover: 1 result: 1 succeeded\n$/)
  })
})

describe('a mistake in the call', () => {
  it.each([
    [['--state', 'faild'], /--state: expected one of succeeded, failed, timed-out, .*invalid, not "faild"/],
    [['--state', ''], /--state: expected one of/],
    [['--slowest', '0'], /--slowest: expected a whole number of at least 1/],
    [['--json', '--csv'], /--json and --csv exclude each other/],
    [['--color', 'blue'], /--color: expected auto, always or never/],
    [['--jsonl'], /unknown option '--jsonl'/],
    [['more'], /too many arguments/],
  ])('%j', async (args, message) => {
    const end = await drover(['results', path, ...args])
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toMatch(message)
  })

  it.each([
    ['no file', [], /missing required argument 'JOURNAL'/],
    ['a missing file', [join(folder.path, 'missing')], /there is no such file; check the path/],
    ['a directory', [folder.path], /is a directory; name a file/],
    ['some other file', [PROGRAM], /holds no records of drover; name a file/],
  ])('%s', async (_, args, message) => {
    for (const form of [[], ['--json'], ['--csv']]) {
      const end = await drover(['results', ...args, ...form])
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toMatch(message)
    }
  })

  it('begins its help with examples', async () => {
    const { stdout, status } = await drover(['results', '--help'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^Examples:\n {2}drover results night\.jsonl/)
  })
})

describe('with many results', { timeout: 120_000 }, () => {
  const COUNT = 200_000
  const many = join(folder.path, 'many.jsonl')
  /** Enough for more than one write, and for more than a pipe holds. */
  const some = join(folder.path, 'some.jsonl')

  beforeAll(async () => {
    await write(many, COUNT)
    await write(some, 10_000)
  }, 120_000)

  async function write(path: string, count: number): Promise<void> {
    const file = createWriteStream(path)
    file.write(runHead())
    for (let index = 0; index < count; index++) {
      const durationMs = (index * 7_919) % 100_003
      const line = resultLine(resultOf(index, { key: key(index), stdout: `${index}\n`.repeat(100), durationMs }))
      if (!file.write(`${line}\n`)) await once(file, 'drain')
    }
    file.end()
    await once(file, 'close')
  }

  /** Runs it to its end and gives the kernel's own account of its peak in bytes. */
  async function measure(args: readonly string[], file: string) {
    const run = new Drover(['results', file, ...args], { input: '', digest: true })
    let peak = 0
    let lines = 0
    run.process.stdout.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1
      try {
        const status = readFileSync(`/proc/${run.process.pid}/status`, 'latin1')
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024)
      } catch {
        // It has ended.
      }
    })
    const { status } = await run.end
    return { status, lines, peak }
  }

  it.each([[[]], [['--json']], [['--csv']], [['--all', '--json']]])('prints them in flat memory: %j', async (args) => {
    const few = await measure(args, path)
    const all = await measure(args, many)
    expect(all.status).toBe(0)
    expect(all.lines).toBeGreaterThanOrEqual(COUNT)
    // The file has over 200 MB; where each result was kept, it would be more than that.
    expect(all.peak - few.peak).toBeLessThan(ALLOWED_MEMORY)
  })

  it('finds the slowest of them', async () => {
    const end = await drover(['results', many, '--slowest', '3', '--json'])
    const durations = Array.from({ length: COUNT }, (_, index) => (index * 7_919) % 100_003)
    expect(resultsOf(end).map(({ durationMs }) => durationMs)).toEqual(durations.toSorted((a, b) => b - a).slice(0, 3))
  })

  it.each([[[]], [['--json']], [['--csv']]])('ends quietly when its reader leaves: %j', async (args) => {
    const run = new Drover(['results', some, ...args], { input: '' })
    await once(run.process.stdout, 'data')
    run.process.stdout.destroy()
    const end = await run.end
    expect(end).toMatchObject({ signal: 'SIGPIPE', stderr: '' })
  })

  it.each([[[]], [['--json']], [['--csv']]])('says so when it cannot write: %j', (args) => {
    const full = openSync('/dev/full', 'w')
    const end = spawnSync(process.execPath, [PROGRAM, 'results', some, ...args], { stdio: ['ignore', full, 'pipe'] })
    closeSync(full)
    expect(end.status).toBe(102)
    expect(end.stderr.toString()).toMatch(/^drover: standard output cannot be written to: ENOSPC.*\n$/)
  })
})
