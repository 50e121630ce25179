import { type ChildProcess, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Drover, drover, PROGRAM, resultsOf } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { mountDisk } from '../helpers/small-disk.js'
import { until } from '../helpers/until.js'
import { newPath, recordsIn, recordsSoFar, resultsIn } from '../journal/support.js'

let path: string
let folder: string
const started: ChildProcess[] = []

beforeEach(() => {
  path = newPath()
  folder = dirname(path)
})
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

function start(...args: string[]): Drover {
  const run = new Drover(args, { input: '', cwd: folder })
  started.push(run.process)
  return run
}

const ran = () => (existsSync(join(folder, 'ran')) ? readFileSync(join(folder, 'ran'), 'utf8').split('\n') : [])

describe('nothing is started, and no file touched,', () => {
  it.each<[string, string[], RegExp]>([
    ['with --resume alone', ['--resume'], /--resume is about a journal; name it with --journal FILE/],
    ['with --retry-failed alone', ['--retry-failed'], /--retry-failed is about a journal/],
    ['with --accept-changes alone', ['--accept-changes'], /--accept-changes is about a journal/],
    ['with --fsync alone', ['--fsync', 'always'], /--fsync is about a journal/],
    ['with both ways to go on', ['--journal', 'J', '--resume', '--retry-failed'], /exclude each other/],
    ['with changes accepted and nothing resumed', ['--journal', 'J', '--accept-changes'], /--accept-changes is for/],
    ['with another word for --fsync', ['--journal', 'J', '--fsync', 'often'], /--fsync.*always.*interval.*never/],
    ['with an empty name', ['--journal', ''], /expected the path of a file/],
    ['with a mistake elsewhere', ['--journal', 'J', '--timeout', 'soon'], /--timeout/],
    ['with a command that cannot be filled in', ['--journal', 'J', '--shell', ': `{}`;'], /backtick|`/],
    ['with tasks that are wrong', ['--journal', 'J', '--tasks', 'tasks.jsonl'], /tasks\.jsonl/],
  ])('%s', async (_what, options, message) => {
    const content = '{"type":"run","version":1,"run":"r"}\n'
    writeFileSync(path, content)
    writeFileSync(join(folder, 'tasks.jsonl'), '{"command":"echo x >> ran"}\n{"comand":"true"}\n')
    const args = options.map((option) => (option === 'J' ? path : option))
    const items = options.includes('--tasks') ? [] : ['echo {} >> ran', ':::', 'a']
    const end = await drover(['run', ...args, ...items], { cwd: folder })
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toMatch(message)
    expect(ran()).toEqual([])
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  it.each([
    ['is text', 'a list\nof things'],
    ['is JSON', '{\n  "name": "drover"\n}'],
    ['holds tasks', '{"command":"true"}\n'],
    ['is of a later format', '{"type":"run","version":2,"run":"r"}\n{"type'],
  ])('where the journal %s', async (_what, content) => {
    writeFileSync(path, content)
    for (const options of [[], ['--resume'], ['--retry-failed'], ['--resume', '--dry-run']]) {
      const end = await drover(['run', '--journal', path, ...options, 'echo {} >> ran', ':::', 'a'], { cwd: folder })
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toMatch(/--journal: the journal .*(some other file|format version 2)/)
      expect(readFileSync(path, 'utf8')).toBe(content)
    }
    expect(ran()).toEqual([])
  })

  it('where the journal cannot be made or written', async (context) => {
    mkdirSync(join(folder, 'directory'))
    const disk = mountDisk('size=64k') ?? context.skip()
    disk.remount('ro')
    for (const [name, message] of [
      [join(folder, 'missing', 'night.jsonl'), /its directory does not exist; make it first \(ENOENT\)/],
      [join(folder, 'directory'), /is a directory; name a file/],
      [join(disk.path, 'night.jsonl'), /can only be read/],
      ['/dev/null', /no ordinary file/],
    ] as const) {
      const end = await drover(['run', '--journal', name, 'echo {} >> ran', ':::', 'a'], { cwd: folder })
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toMatch(message)
    }
    expect(ran()).toEqual([])
    expect(readdirSync(join(folder, 'directory'))).toEqual([])
  })

  it('where another drover writes to it, which is named and goes on', async () => {
    const seconds = uniqueSleep()
    const first = start('run', '--json', '--journal', path, 'exec sleep', ':::', seconds)
    await until('it runs', () => processesWith(`sleep ${seconds}`).length === 1)
    const before = readFileSync(path)
    for (const options of [[], ['--resume']]) {
      const end = await drover(['run', '--journal', path, ...options, 'echo {} >> ran', ':::', 'a'], { cwd: folder })
      expect(end.status).toBe(255)
      expect(end.stderr).toContain(`is being written by process ${first.process.pid}`)
    }
    expect(ran()).toEqual([])
    expect(readFileSync(path).equals(before)).toBe(true)
    process.kill(processesWith(`sleep ${seconds}`)[0]!, 'SIGKILL')
    expect(resultsOf(await first.end)).toMatchObject([{ state: 'killed' }])
    expect(resultsIn(path)).toMatchObject([{ state: 'killed' }])
  })
})

describe('a run that was ended', () => {
  // The first one ends by itself, and the others only when there is a file `go`.
  const arrange = () => {
    const seconds = uniqueSleep()
    const line = `echo {} >> ran; test {} = a || test -e go || exec sleep ${seconds}`
    const args = (...options: string[]) => ['run', '-j', '2', '--journal', path, ...options, line, ':::', ...'abcd']
    return {
      args,
      run: start(...args()),
      isMidway: () =>
        processesWith(`sleep ${seconds}`).length === 2 &&
        recordsSoFar(path).some((record) => record.type === 'result' && record.state === 'succeeded'),
      left: () => processesWith(seconds),
    }
  }
  const finishes = async (args: string[]) => {
    writeFileSync(join(folder, 'go'), '')
    rmSync(join(folder, 'ran'))
    expect(await drover(args, { cwd: folder })).toMatchObject({ status: 0 })
    expect(ran().sort()).toEqual(['', 'b', 'c', 'd'])
    const newest = new Map(resultsIn(path).map(({ key, state }) => [key, state]))
    expect([...newest.values()]).toEqual(Array(4).fill('succeeded'))
  }

  it('by Ctrl-C is finished by --resume', async () => {
    const { args, run, isMidway, left } = arrange()
    await until('one is done and two run', isMidway)
    run.process.kill('SIGINT')
    expect(await run.end).toMatchObject({ signal: 'SIGINT', stderr: expect.stringContaining('--resume') })
    expect(left()).toEqual([])
    const states = resultsIn(path).map(({ state }) => state)
    expect(states.slice(0, 3)).toEqual(['succeeded', 'cancelled', 'cancelled'])
    await finishes(args('--resume'))
  })

  it.each(['--resume', '--retry-failed'])('by SIGKILL is finished by %s', async (option) => {
    const { args, run, isMidway, left } = arrange()
    await until('one is done and two run', isMidway)
    run.process.kill('SIGKILL')
    await run.exit
    await finishes(args(option))
    expect(left()).toEqual([])
  })
})

describe('a journal that can be written no more ends the run with 102, and what is in it is whole:', () => {
  /** Tasks that end one after the other beside one that does not end. */
  const args = (journal: string, seconds: string) => [
    ...['run', '--json', '-j', '2', '--journal', journal],
    `case {} in sleep) test -e go || exec sleep ${seconds};; esac; head -c 3000 /dev/zero | tr '\\0' {}`,
    ...[':::', 'sleep', ...Array.from({ length: 60 }, (_, n) => String(n))],
  ]

  it('a full disk', async (context) => {
    const disk = mountDisk('size=64k') ?? context.skip()
    const journal = join(disk.path, 'night.jsonl')
    const seconds = uniqueSleep()
    const end = await drover(args(journal, seconds), { cwd: folder })
    expect(end.status).toBe(102)
    expect(end.stderr).toMatch(/the journal .*night\.jsonl cannot be written to: the disk is full.*--resume \(ENOSPC\)/)
    expect(processesWith(seconds)).toEqual([])
    const there = resultsIn(journal)
    expect(there.length).toBeGreaterThan(3)
    for (const result of resultsOf(end)) expect(there).toContainEqual(result)

    disk.remount('size=4m')
    writeFileSync(join(folder, 'go'), '')
    const again = args(journal, seconds).toSpliced(1, 0, '--resume')
    expect(await drover(again, { cwd: folder })).toMatchObject({ status: 0 })
    expect(resultsIn(journal)).toHaveLength(61)
  })

  it('the largest size that a file may have', () => {
    const seconds = uniqueSleep()
    const words = args(path, seconds)
    const end = spawnSync('sh', ['-c', 'ulimit -f 64; exec "$@"', 'sh', process.execPath, PROGRAM, ...words], {
      encoding: 'utf8',
    })
    expect(end).toMatchObject({ status: 102, stderr: expect.stringMatching(/ulimit -f.*EFBIG/) })
    expect(processesWith(seconds)).toEqual([])
    const there = resultsIn(path)
    expect(there.length).toBeGreaterThan(3)
    for (const result of resultsOf(end)) expect(there).toContainEqual(result)
  })

  it('a file that was deleted, though no task ends', async () => {
    const seconds = uniqueSleep()
    const run = start('run', '--journal', path, 'exec sleep', ':::', seconds)
    await until('it runs', () => processesWith(`sleep ${seconds}`).length === 1)
    rmSync(path)
    const end = await run.end
    expect(end).toMatchObject({ status: 102, stderr: expect.stringMatching(/night\.jsonl was deleted while the run/) })
    expect(processesWith(seconds)).toEqual([])
    expect(existsSync(path)).toBe(false)
  })

  it('a directory that has vanished', async () => {
    const deep = join(folder, 'deep')
    mkdirSync(deep)
    const seconds = uniqueSleep()
    const run = start('run', '--journal', join(deep, 'night.jsonl'), 'exec sleep', ':::', seconds)
    await until('it runs', () => processesWith(`sleep ${seconds}`).length === 1)
    rmSync(deep, { recursive: true })
    expect(await run.end).toMatchObject({ status: 102 })
    expect(processesWith(seconds)).toEqual([])
  })
})

it('without a native launcher a journal is written and resumed as well', async () => {
  const args = (...options: string[]) => [
    'run',
    '--launcher',
    'node',
    '--journal',
    path,
    ...options,
    'echo',
    ':::',
    'a',
  ]
  expect(await drover(args())).toMatchObject({ status: 0, stdout: 'a\n' })
  expect(await drover(args('--resume'))).toMatchObject({ status: 0, stdout: '' })
  expect(recordsIn(path).map(({ type }) => type)).toEqual(['run', 'result', 'run'])
  expect(existsSync(`${path}.lock`)).toBe(false)
})
