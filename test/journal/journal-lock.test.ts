import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Journal, type JournalOptions } from '../../src/journal/journal.js'
import { AutoLauncher } from '../../src/launcher/auto-launcher.js'
import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import type { Launcher, LauncherLock } from '../../src/launcher/port.js'
import { PROGRAM } from '../helpers/drover.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { settle } from '../helpers/fake-tasks.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'
import { launchersOf } from '../launcher/native-processes.js'
import { newPath, recordsIn } from './support.js'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A drover of its own that has the journal, and runs one task. */
async function otherDrover(path: string, ...options: string[]) {
  const seconds = uniqueSleep()
  const args = [PROGRAM, 'run', '--journal', path, ...options, 'exec sleep', ':::', seconds]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  children.push(child)
  await until('it runs its task', () => processesWith(`sleep ${seconds}`).length > 0)
  return { child, pid: child.pid!, tasks: () => processesWith(`sleep ${seconds}`) }
}

/** What another process is told that wants the journal. */
async function askedByAnother(path: string, options: JournalOptions = {}): Promise<string> {
  const { stdout, stderr } = await runProgram(`
    const opened = drover.Journal.open(${JSON.stringify(path)}, ${JSON.stringify(options)})
    console.log(await opened.then((journal) => journal.close().then(() => 'had it'), (error) => error.message))`)
  return stdout.trim() + stderr
}

const inUse = (path: string, pid: number) =>
  `the journal ${path} is being written by process ${pid}; wait until that has ended, or`

describe.each<[string, JournalOptions]>([
  ['the lock of the kernel', { launcher: 'native' }],
  ['the lock file', { launcher: 'node' }],
])('%s', (_what, options) => {
  it('keeps out this process and others, names who has it, and is free after close()', async () => {
    const path = newPath()
    const journal = await Journal.open(path, options)
    await expect(Journal.open(path, options)).rejects.toThrow(inUse(path, process.pid))
    expect(await askedByAnother(path, options)).toContain(inUse(path, process.pid))
    await journal.close()
    expect(await askedByAnother(path, options)).toBe('had it')
    await (await Journal.open(path, options)).close()
  })

  it('is one under whatever name the file is given', async () => {
    const path = newPath()
    const folder = dirname(path)
    await using _journal = await Journal.open(path, options)
    symlinkSync(path, join(folder, 'link'))
    mkdirSync(join(folder, 'deep'))
    symlinkSync('..', join(folder, 'deep', 'up'))
    for (const name of ['link', 'deep/up/night.jsonl', './night.jsonl', 'deep/../night.jsonl']) {
      await expect(Journal.open(`${folder}/${name}`, options)).rejects.toThrow(inUse(`${folder}/${name}`, process.pid))
    }
    const near = relative(process.cwd(), path)
    await expect(Journal.open(near, options)).rejects.toThrow(inUse(near, process.pid))
  })

  it('leaves what is in the file alone where it is refused', async () => {
    const path = newPath()
    const content = '{"type":"run","version":1,"run":"r"}\n{"type":"result","to'
    writeFileSync(path, content)
    const held = await Journal.open(path, options)
    writeFileSync(path, content)
    await expect(Journal.open(path, { ...options, resume: true })).rejects.toThrow(/is being written/)
    expect(readFileSync(path, 'utf8')).toBe(content)
    await held.close()
  })

  it('is given back when the journal turns out to be none', async () => {
    const path = newPath()
    writeFileSync(path, 'something else\n')
    for (let n = 0; n < 2; n++) await expect(Journal.open(path, options)).rejects.toThrow(/some other file/)
    writeFileSync(path, '')
    await (await Journal.open(path, options)).close()
  })
})

describe('a drover that was killed', () => {
  it('keeps its journal until all that it ran has ended, and not longer', async () => {
    const path = newPath()
    const { child, pid, tasks } = await otherDrover(path)
    await expect(Journal.open(path)).rejects.toThrow(inUse(path, pid))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const journal = await Journal.open(path, { resume: true })
    expect(tasks()).toEqual([])
    expect(recordsIn(path).map(({ type }) => type)).toEqual(['run'])
    await journal.close()
  })

  it('leaves a lock file of which another takes the place', async () => {
    const path = newPath()
    const { child, pid, tasks } = await otherDrover(path, '--launcher', 'node')
    const leftRunning = tasks()
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(`${pid}\n`)
    await expect(Journal.open(path, { launcher: 'node' })).rejects.toThrow(inUse(path, pid))
    child.kill('SIGKILL')
    await once(child, 'exit')
    for (const each of leftRunning) process.kill(each, 'SIGKILL')
    const journal = await Journal.open(path, { launcher: 'node' })
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(`${process.pid}\n`)
    await journal.close()
    expect(existsSync(`${path}.lock`)).toBe(false)
  })
})

it('a lock file that says nothing is taken over', async () => {
  const path = newPath()
  writeFileSync(`${path}.lock`, 'nothing\n')
  await (await Journal.open(path, { launcher: 'node' })).close()
  expect(existsSync(`${path}.lock`)).toBe(false)
})

it('a launcher that turns out not to run here leaves it to a lock file', async () => {
  const path = newPath()
  const launcher = new AutoLauncher({ binary: '/bin/false' })
  onTestFinished(() => launcher.close())
  const journal = await Journal.open(path, { launcher })
  expect(readFileSync(`${path}.lock`, 'utf8')).toBe(`${process.pid}\n`)
  await dispatch(['true'], { launcher, journal }).summary()
  await journal.close()
  expect(recordsIn(path)).toMatchObject([{ type: 'run' }, { state: 'succeeded' }])
  expect(existsSync(`${path}.lock`)).toBe(false)
})

describe('a launcher that dies', () => {
  it('loses the lock, and the next one has it again before anyone else', async () => {
    const path = newPath()
    const launcher = createNativeLauncher()
    onTestFinished(() => launcher.close())
    const before = new Set(launchersOf(process.pid).map((each) => each.launcher))
    const journal = await Journal.open(path, { launcher })
    const holders = () =>
      launchersOf(process.pid).filter((each) => !before.has(each.launcher) && hasOpen(each.launcher, `${path}.lock`))
    const [first] = holders()
    process.kill(first!.launcher, 'SIGKILL')
    await until('another has it', () => holders().some((each) => each.launcher !== first!.launcher))
    expect(await askedByAnother(path)).toContain(inUse(path, process.pid))
    await dispatch(['a'], { launcher: new FakeLauncher(() => ({})), journal }).summary()
    await journal.close()
    expect(recordsIn(path)).toHaveLength(2)
    await (await Journal.open(path)).close()
  })

  it('ends the run where another was faster', async () => {
    const path = newPath()
    const launcher = new LockingLauncher()
    const journal = await Journal.open(path, { launcher })
    const running = new FakeLauncher()
    const done = dispatch(['a', 'b'], { concurrency: 1, launcher: running, journal }).summary()
    done.catch(() => {})
    await settle()
    writeFileSync(`${path}.lock`, '1\n')
    launcher.lose({ code: 'ERR_DROVER_LOCKED' })
    await expect(done).rejects.toThrow(inUse(path, 1))
    expect(running.children).toHaveLength(1)
    await expect(journal.close()).rejects.toThrow(inUse(path, 1))
  })

  it('has its lock taken again where the journal was, also from another directory', async () => {
    const path = newPath()
    const launcher = new LockingLauncher()
    const home = process.cwd()
    process.chdir(dirname(path))
    onTestFinished(() => process.chdir(home))
    const journal = await Journal.open('night.jsonl', { launcher })
    process.chdir(home)
    launcher.lose(null)
    await until('it was taken again', () => launcher.taken.length === 2)
    await journal.close()
    expect(new Set(launcher.taken)).toEqual(new Set([`${path}.lock`]))
    expect(launcher.held).toBe(0)
  })
})

function hasOpen(pid: number, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path)
  } catch {
    return false
  }
}

/** Its locks are pretended, and lost when a test wants that. */
class LockingLauncher extends FakeLauncher implements Launcher {
  readonly taken: string[] = []
  held = 0
  #refusal: { code: string } | null = null
  #lost = new AbortController()

  lose(refusal: { code: string } | null): void {
    this.#refusal = refusal
    this.held -= 1
    const lost = this.#lost
    this.#lost = new AbortController()
    lost.abort(new Error('the launcher has died'))
  }

  async lock(path: string): Promise<LauncherLock> {
    if (this.#refusal !== null) throw Object.assign(new Error('locked'), this.#refusal)
    this.taken.push(path)
    this.held += 1
    const { signal: lost } = this.#lost
    let isReleased = false
    const release = async () => {
      if (!isReleased && !lost.aborted) this.held -= 1
      isReleased = true
    }
    return { path, lost, release, [Symbol.asyncDispose]: release }
  }
}
