import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findRun, liveRuns } from '../../src/control/find-runs.js'
import type { LiveRun } from '../../src/control/protocol.js'
import type { DispatchSourceOptions } from '../../src/dispatch/dispatch.js'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Dispatcher } from '../../src/dispatch/dispatcher.js'
import type { Result } from '../../src/task/result.js'
import { until } from '../helpers/until.js'

let folder: string
const { XDG_RUNTIME_DIR: runtimeBefore, TMPDIR: temporaryBefore } = process.env
/** One by one: what the system has of the environment does not change with another object in its place. */
function setOrDelete(name: 'XDG_RUNTIME_DIR' | 'TMPDIR', value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-control-'))
  process.env.XDG_RUNTIME_DIR = folder
})
afterEach(() => {
  setOrDelete('XDG_RUNTIME_DIR', runtimeBefore)
  setOrDelete('TMPDIR', temporaryBefore)
  rmSync(folder, { recursive: true, force: true })
})

const sockets = () => {
  try {
    return readdirSync(join(folder, 'drover/control'))
  } catch {
    return []
  }
}

interface Started {
  readonly run: ReturnType<typeof dispatch>
  readonly results: Result[]
  readonly end: () => Promise<void>
}

/** A run that can be steered, from when it can be. */
async function started(id: string, options: DispatchSourceOptions = {}, tasks = ['sleep 600']): Promise<Started> {
  const run = dispatch(tasks, { run: id, control: true, concurrency: 4, ...options })
  const results: Result[] = []
  const done = (async () => {
    for await (const result of run) results.push(result)
  })()
  await until('it can be steered', () => sockets().some((name) => name.startsWith(`${id.slice(0, 60)}.`)))
  const end = async () => {
    run.halt('now')
    await done
  }
  return { run, results, end }
}

describe('the socket of a run', () => {
  it('is for its owner only, and gone with the run', async () => {
    const { end } = await started('nightly')
    const path = join(folder, 'drover/control', sockets()[0]!)
    expect(statSync(path).isSocket()).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    for (const each of ['drover', 'drover/control']) expect(statSync(join(folder, each)).mode & 0o777).toBe(0o700)
    await end()
    expect(sockets()).toEqual([])
  })

  it('is not there for a run that is over at once, or that does not ask for it', async () => {
    await dispatch(['echo'], { control: true }).summary()
    const run = dispatch(['sleep 0.3'])
    await run.summary()
    expect(sockets()).toEqual([])
  })

  it('tells how the run stands', async () => {
    const tasks = ['exit 1', 'echo', 'sleep 600', 'sleep 601']
    const { end } = await started('stands', { concurrency: 2 }, tasks)
    await until('two are done', async () => ((await liveRuns()) as LiveRun[])[0]?.progress.done === 2)
    const [live] = (await liveRuns({ tasks: true })) as LiveRun[]
    expect(live).toMatchObject({
      run: 'stands',
      kind: 'run',
      pid: process.pid,
      cwd: process.cwd(),
      paused: false,
      jobs: 2,
      progress: { total: 4, running: 2, done: 2, byState: { succeeded: 1, failed: 1 } },
      tasks: [
        { index: 2, id: null, state: 'running', attempt: 1, attempts: 1, command: 'sleep 600' },
        { index: 3, command: 'sleep 601' },
      ],
    })
    expect(Date.now() - Date.parse(live!.startedAt)).toBeLessThan(20_000)
    expect(((await liveRuns()) as LiveRun[])[0]).not.toHaveProperty('tasks')
    await end()
  })

  it('steers: pause, resume, jobs, cancel of a task and of the run', async () => {
    const said: string[] = []
    const tasks = ['sleep 600', ...Array.from({ length: 50 }, (_, n) => `sleep 0.0${n}`), 'sleep 602']
    const control = { onSteered: (what: string) => said.push(what) }
    const { run, results, end } = await started('steered', { concurrency: 2, control }, tasks)
    const remote = await findRun('steered')
    await remote.pause()
    await until('only the long one runs', () => run.progress().running === 1)
    const { done } = run.progress()
    expect(await remote.status()).toMatchObject({ paused: true, jobs: 2 })
    await remote.setJobs(9)
    await remote.resume()
    expect(await remote.status()).toMatchObject({ paused: false, jobs: 9 })
    await until('it goes on', () => run.progress().done > done)
    expect(await remote.cancelTask('1')).toMatchObject({ index: 0, command: 'sleep 600' })
    await until('the first is cancelled', () =>
      results.some(({ index, state }) => index === 0 && state === 'cancelled'),
    )
    await remote.cancel()
    await end()
    expect(results).toHaveLength(52)
    expect(results.find(({ index }) => index === 51)).toMatchObject({ error: { code: 'ERR_DROVER_CANCELLED' } })
    expect(said).toEqual([
      'paused: what runs goes on, nothing more is started',
      '9 jobs at once from now on',
      'resumed',
      'task 1 is cancelled',
    ])
    await expect(remote.status()).rejects.toMatchObject({ code: 'ERR_DROVER_NO_RUN' })
  })

  it('has what a task prints, as bytes, and its end', async () => {
    const command = "printf 'one\\377\\n'; while ! test -e go; do sleep 0.01; done; echo two; echo three >&2"
    const { run } = await started('tailed', { maxOutputBytes: 1000 }, [`cd ${folder}; ${command}`])
    const tail = await (await findRun('tailed')).tail('#1')
    expect(tail).toMatchObject({ task: { index: 0, state: 'running' }, droppedBytes: 0, end: null })
    const seen: [string, string][] = []
    for await (const { stream, chunk } of tail) {
      if (seen.length === 0) writeFileSync(join(folder, 'go'), '')
      seen.push([stream, chunk.toString('latin1')])
    }
    const all = (stream: string) =>
      seen
        .filter(([of]) => of === stream)
        .map(([, text]) => text)
        .join('')
    expect(all('stdout')).toBe('one\xff\ntwo\n')
    expect(all('stderr')).toBe('three\n')
    expect(tail.end).toBe('succeeded')
    await run.summary()
  })

  it('does not hold up a task whose follower does not read, and tells how much it missed', async () => {
    const { run, results, end } = await started('slow', { onOutput: () => {} }, [
      'sleep 0.2; head -c 100000000 /dev/zero',
      'sleep 600',
    ])
    const tail = await (await findRun('slow')).tail('1')
    await until('the task is done', () => run.progress().done === 1)
    expect(results[0]).toMatchObject({ state: 'succeeded', stdoutBytes: 100_000_000 })
    let read = 0
    for await (const { chunk } of tail) read += chunk.length
    expect(tail.end).toBe('succeeded')
    expect(read).toBeLessThan(50_000_000)
    expect(read + tail.droppedBytes).toBe(100_000_000)
    await end()
  })

  it('tells a follower that the run has ended', async () => {
    const { run } = await started('left', { onOutput: () => {} })
    const tail = await (await findRun('left')).tail('1')
    run.destroy()
    for await (const _ of tail);
    expect(tail.end).toBe('cancelled')
    await run.summary()
  })

  it('answers a dispatcher as well, each time it has something to do', async () => {
    const dispatcher = new Dispatcher({ run: 'again', control: true })
    for (let round = 0; round < 2; round++) {
      const result = dispatcher.add('sleep 600')
      await until('it can be seen', async () => ((await liveRuns()) as LiveRun[])[0]?.run === 'again')
      await (await findRun('again')).cancelTask(String(round + 1))
      expect((await result).state).toBe('cancelled')
      await dispatcher.dispatch()
      expect(sockets()).toEqual([])
    }
  })
})

describe('a run is found', () => {
  it('by its id, the beginning of it, or its pid; and not when there are several or none', async () => {
    const runs = [await started('night-one'), await started('night-two'), await started('night')]
    expect((await findRun('night')).run).toBe('night')
    expect((await findRun('night-o')).run).toBe('night-one')
    await expect(findRun('nigh')).rejects.toMatchObject({
      code: 'ERR_DROVER_AMBIGUOUS',
      message: expect.stringContaining(`night-two (pid ${process.pid})`),
    })
    await expect(findRun(String(process.pid))).rejects.toMatchObject({ code: 'ERR_DROVER_AMBIGUOUS' })
    await runs[0]!.end()
    await runs[1]!.end()
    expect((await findRun(String(process.pid))).run).toBe('night')
    for (const nobody of ['day', '', '/', '999999999', '..']) {
      await expect(findRun(nobody)).rejects.toMatchObject({ code: 'ERR_DROVER_NO_RUN' })
    }
    await runs[2]!.end()
    await expect(findRun('night')).rejects.toMatchObject({ code: 'ERR_DROVER_NO_RUN' })
  })

  it('whose id is very long, and two that have the same one', async () => {
    const long = 'x'.repeat(3_000)
    const first = await started(long)
    const second = await started('twice')
    const third = await started('twice')
    expect(await (await findRun(long)).status()).toMatchObject({ run: long })
    await until('both are there', () => sockets().length === 3)
    await expect(findRun('twice')).rejects.toMatchObject({ code: 'ERR_DROVER_AMBIGUOUS' })
    for (const { end } of [first, second, third]) await end()
  })

  it('where the path of the folder is longer than that of a socket can be', async () => {
    folder = join(folder, 'deep'.repeat(20), 'deeper'.repeat(30))
    mkdirSync(folder, { recursive: true })
    process.env.XDG_RUNTIME_DIR = folder
    const { end } = await started('deep')
    expect(await (await findRun('deep')).status()).toMatchObject({ run: 'deep' })
    await end()
    expect(sockets()).toEqual([])
  })

  it('without XDG_RUNTIME_DIR, in the folder for temporary files, which need not be there yet', async () => {
    delete process.env.XDG_RUNTIME_DIR
    process.env.TMPDIR = join(folder, 'not', 'there')
    const run = dispatch(['sleep 600'], { run: 'temporary', control: true })
    void run.summary()
    await until('it is there', async () => (await liveRuns()).length === 1)
    await (await findRun('temporary')).cancel()
    await run.summary()
  })
})

describe('what cannot be trusted, or is dead', () => {
  it('makes no socket in a folder that others may write to, and the run goes on', async () => {
    mkdirSync(join(folder, 'drover'), { mode: 0o700 })
    chmodSync(join(folder, 'drover'), 0o777)
    const warnings: string[] = []
    const run = dispatch(['sleep 0.3; echo done'], { control: true, onWarning: (message) => warnings.push(message) })
    expect(await run.summary()).toMatchObject({ byState: { succeeded: 1 } })
    expect(warnings).toEqual([expect.stringContaining('cannot be seen by drover ps')])
  })

  it('is removed, and does no harm to those that live', async () => {
    const code = "require('node:net').createServer().listen(process.argv[1], () => console.log('listens'))"
    const { end } = await started('alive')
    for (const name of ['dead.a-b.sock', 'alive-not.a-b.sock']) {
      const child = spawn(process.execPath, ['-e', code, join(folder, 'drover/control', name)], { stdio: 'pipe' })
      await once(child.stdout, 'data')
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    writeFileSync(join(folder, 'drover/control', 'no socket'), '')
    expect(sockets()).toHaveLength(4)
    await expect(findRun('dead')).rejects.toMatchObject({ code: 'ERR_DROVER_NO_RUN' })
    expect((await findRun('alive')).run).toBe('alive')
    expect((await findRun('aliv')).run).toBe('alive')
    expect(await liveRuns()).toMatchObject([{ run: 'alive' }])
    expect(sockets().sort()).toEqual([expect.stringMatching(/^alive\./), 'no socket'])
    await end()
  })

  it("is something else than a socket, which is in nobody's way", async () => {
    const { end } = await started('alive')
    const control = join(folder, 'drover/control')
    mkdirSync(join(control, 'folder.a-b.sock'))
    symlinkSync('loop.a-b.sock', join(control, 'loop.a-b.sock'))
    symlinkSync('/etc/passwd/x', join(control, 'odd.a-b.sock'))
    expect(await liveRuns()).toMatchObject([{ run: 'alive' }])
    for (const name of ['folder', 'loop', 'odd'])
      await expect(findRun(name)).rejects.toMatchObject({ code: 'ERR_DROVER_NO_RUN' })
    await end()
  })

  it('has more who wait than it can have, or answers as no drover does, which is told', async () => {
    const control = join(folder, 'drover/control')
    mkdirSync(control, { recursive: true, mode: 0o700 })
    const code = `require('node:net').createServer((socket) => socket.once('data', () => socket.end('{"a":1}\\n'))).listen({ path: process.argv[1], backlog: 1 },
      () => console.log('listens'))`
    const child = spawn(process.execPath, ['-e', code, join(control, 'odd.a-b.sock')], { stdio: 'pipe' })
    await once(child.stdout, 'data')
    const refused = { code: 'ERR_DROVER_NO_ANSWER', message: expect.stringContaining('run odd does not answer') }
    await expect((await findRun('odd')).pause()).rejects.toMatchObject(refused)
    child.kill('SIGSTOP')
    const waiting: Socket[] = []
    let isFull = false
    await until('no more can wait', () => {
      const socket = createConnection(join(control, 'odd.a-b.sock'))
      socket.on('error', () => {
        isFull = true
      })
      waiting.push(socket)
      return isFull
    })
    expect(await liveRuns()).toEqual([{ run: 'odd', silent: true }])
    await expect((await findRun('odd')).tail('1')).rejects.toMatchObject(refused)
    for (const socket of waiting) socket.destroy()
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it('does not answer, which is told and not waited for', async () => {
    const code = `require('node:net').createServer().listen(process.argv[1], () => console.log('listens'))`
    mkdirSync(join(folder, 'drover/control'), { recursive: true, mode: 0o700 })
    const child = spawn(process.execPath, ['-e', code, join(folder, 'drover/control/stopped.a-b.sock')], {
      stdio: 'pipe',
    })
    await once(child.stdout, 'data')
    expect(await liveRuns()).toEqual([{ run: 'stopped', silent: true }])
    await expect((await findRun('stopped')).pause()).rejects.toMatchObject({ code: 'ERR_DROVER_NO_ANSWER' })
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
})

/** What comes back for some bytes, when the client has said all it has to say. */
function answerTo(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(join(folder, 'drover/control', sockets()[0]!))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(bytes)
  })
}

describe('whatever a client says', () => {
  it('is answered by why it cannot be', async () => {
    const { end } = await started('asked')
    const ask = async (value: unknown) => JSON.parse(await answerTo(`${JSON.stringify(value)}\n`))
    expect(await ask({ version: 2, command: 'status' })).toMatchObject({
      error: { code: 'ERR_DROVER_CONTROL_VERSION' },
    })
    expect(await ask(null)).toMatchObject({ error: { code: 'ERR_DROVER_CONTROL_VERSION' } })
    for (const bad of [
      { command: 'explode' },
      {},
      { command: 'jobs' },
      { command: 'jobs', jobs: 0 },
      { command: 'jobs', jobs: 1.5 },
      { command: 'cancel', task: '' },
      { command: 'tail' },
    ]) {
      expect(await ask({ version: 1, ...bad })).toMatchObject({ error: { code: 'ERR_DROVER_CONTROL' } })
    }
    expect(await ask({ version: 1, command: 'cancel', task: '99' })).toMatchObject({
      error: { code: 'ERR_DROVER_NO_TASK' },
    })
    expect(JSON.parse(await answerTo('x'.repeat(100_000)))).toMatchObject({ error: { code: 'ERR_DROVER_CONTROL' } })
    expect(await ask({ version: 1, command: 'status' })).toMatchObject({ ok: { run: 'asked' } })
    await end()
  })

  it('does the run no harm', async () => {
    const { run, end } = await started('hostile')
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc.json().map((json) => Buffer.from(`${json}\n`)),
      fc
        .record({
          version: fc.constant(1),
          command: fc.constantFrom('status', 'jobs', 'tail', 'none'),
          task: fc.anything(),
        })
        .map((value) => Buffer.from(`${JSON.stringify(value)}\n`)),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (given) => {
        const socket = createConnection(join(folder, 'drover/control', sockets()[0]!))
        socket.on('error', () => {})
        socket.end(given)
        socket.resume()
        await once(socket, 'close')
      }),
      { numRuns: 200 },
    )
    expect(await (await findRun('hostile')).status()).toMatchObject({ progress: { running: 1, done: 0 } })
    expect(run.progress().running).toBe(1)
    await end()
  })
})
