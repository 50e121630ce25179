import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Dispatcher } from '../../src/dispatch/dispatcher.js'
import { Journal } from '../../src/journal/journal.js'
import { JournalError } from '../../src/journal/journal-error.js'
import type { Result } from '../../src/task/result.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { finish, named, planned, planOfTask, settle, startedIn } from '../helpers/fake-tasks.js'
import { unhandledDuring } from '../helpers/fake-time.js'
import { mountDisk } from '../helpers/small-disk.js'
import { until } from '../helpers/until.js'
import { newPath, recordsIn, resultsIn } from './support.js'

const list = (names: string) => [...names].map((name) => named(name))

describe('a journal that is closed', () => {
  it('has all that was given to it before, and takes nothing more', async () => {
    const path = newPath()
    const journal = await Journal.open(path)
    const [result] = await (async () => {
      const launcher = new FakeLauncher(() => ({}))
      const results: Result[] = []
      for await (const each of dispatch(['a'], { launcher, journal })) results.push(each)
      return results
    })()
    const committed = Promise.all(Array.from({ length: 50 }, (_, index) => journal.commit({ ...result!, index })))
    const closing = [journal.close(), journal.close()]
    await committed
    await Promise.all(closing)
    expect(resultsIn(path)).toHaveLength(51)
    await expect(journal.commit(result!)).rejects.toThrow(`the journal ${path} has been closed`)
    await expect(journal.record({ ...result!, type: 'attempt' })).rejects.toThrow(JournalError)
    expect(resultsIn(path)).toHaveLength(51)
  })

  it('starts nothing', async () => {
    const path = newPath()
    const journal = await Journal.open(path)
    await journal.close()
    const launcher = new FakeLauncher(() => ({}))
    await expect(dispatch(list('abc'), { launcher, journal }).summary()).rejects.toThrow(/has been closed/)
    const dispatcher = new Dispatcher({ launcher, journal })
    await expect(dispatcher.add(named('a'))).rejects.toThrow(/has been closed/)
    await expect(dispatcher.close()).rejects.toThrow(/has been closed/)
    expect(launcher.children).toEqual([])
    expect(recordsIn(path)).toEqual([])
  })

  it('while a run goes on ends that run: what runs is ended, and nothing more starts or is announced', async () => {
    const path = newPath()
    const journal = await Journal.open(path)
    const launcher = new FakeLauncher()
    const heard: string[] = []
    const run = dispatch(list('abcd'), {
      concurrency: 2,
      launcher,
      journal,
      onResult: ({ command }) => void heard.push(String(command)),
    })
    const done = run.summary()
    done.catch(() => {})
    finish(launcher, 'a')
    await until('it was announced and the next has started', () => heard.length === 1 && launcher.children.length === 3)
    await journal.close()
    await expect(done).rejects.toThrow(/has been closed/)
    expect(launcher.children.map(({ signals }) => signals[0])).toEqual([undefined, 'SIGTERM', 'SIGTERM'])
    expect(startedIn(launcher)).toEqual(['a', 'b', 'c'])
    expect(heard).toEqual(['a'])
    expect(resultsIn(path).map(({ command }) => command)).toEqual(['a'])
  })
})

describe('a journal that was deleted while a run goes on', () => {
  it('ends the run though no task has ended, and says so again when it is closed', async () => {
    const path = newPath()
    const journal = await Journal.open(path)
    const launcher = new FakeLauncher()
    const found = await unhandledDuring(async () => {
      const done = dispatch(list('abc'), { concurrency: 2, launcher, journal }).summary()
      done.catch(() => {})
      rmSync(path)
      await expect(done).rejects.toThrow(`the journal ${path} was deleted while the run went on`)
      await expect(journal.close()).rejects.toThrow(/was deleted/)
    })
    expect(found).toEqual([])
    expect(startedIn(launcher)).toEqual(['a', 'b'])
    expect(launcher.running).toBe(0)
  })

  it('ends a Dispatcher that waits for tasks as soon as one comes', async () => {
    const path = newPath()
    const journal = await Journal.open(path)
    const launcher = new FakeLauncher(() => ({}))
    const dispatcher = new Dispatcher({ launcher, journal, keepFinished: true })
    await dispatcher.add(named('a'))
    await settle()
    rmSync(path)
    await until('it was noticed', () => journal.ended.aborted)
    await expect(dispatcher.add(named('b'))).rejects.toThrow(/was deleted/)
    await expect(dispatcher.close()).rejects.toThrow(/was deleted/)
    expect(startedIn(launcher)).toEqual(['a'])
    expect(dispatcher.finished.map(({ command }) => command)).toEqual(['a'])
    await expect(journal.close()).rejects.toThrow(/was deleted/)
  })
})

describe('a disk that is full', () => {
  const tasks = Array.from({ length: 60 }, (_, n) => planned({ stdout: String(n).padEnd(2_500, 'x'), exitCode: n % 2 }))

  it('ends the run; all that was announced is there, whole, and only the rest is run when there is room', async (context) => {
    const disk = mountDisk('size=64k') ?? context.skip()
    const path = join(disk.path, 'night.jsonl')
    const journal = await Journal.open(path)
    const launcher = new FakeLauncher(planOfTask)
    const heard: number[] = []
    const read: number[] = []
    const onResult = ({ index }: Result) => void heard.push(index)
    const run = dispatch(tasks, { concurrency: 4, launcher, journal, onResult })
    const error = await (async () => {
      for await (const { index } of run) read.push(index)
    })().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      name: 'JournalError',
      cause: { code: 'ENOSPC' },
      message: expect.stringMatching(/disk is full.*--resume/),
    })
    await expect(journal.close()).rejects.toBe(error)
    const there = resultsIn(path).map(({ index }) => index)
    expect(there.length).toBeGreaterThan(5)
    expect(there.length).toBeLessThan(60)
    expect(there).toEqual(expect.arrayContaining(heard))
    expect(heard).toEqual(expect.arrayContaining(read))
    expect(launcher.running).toBe(0)
    expect(launcher.children.length).toBeLessThan(there.length + 12)

    disk.remount('size=4m')
    await using again = await Journal.open(path, { resume: true })
    const second = new FakeLauncher(planOfTask)
    await dispatch(tasks, { launcher: second, journal: again }).summary()
    expect(second.children).toHaveLength(60 - there.length)
    expect(new Set(resultsIn(path).map(({ key }) => key)).size).toBe(60)
  })

  it('ends the run also where an attempt cannot be recorded, and no other try is made', async (context) => {
    const disk = mountDisk('size=16k') ?? context.skip()
    const path = join(disk.path, 'night.jsonl')
    const journal = await Journal.open(path)
    const launcher = new FakeLauncher(() => ({ exitCode: 1, stdout: 'x'.repeat(30_000) }))
    const run = dispatch(['a'], { launcher, journal, retries: 9, backoffMs: 0 })
    await expect(run.summary()).rejects.toMatchObject({ cause: { code: 'ENOSPC' } })
    await expect(journal.close()).rejects.toThrow(/disk is full/)
    expect(launcher.children).toHaveLength(1)
    expect(recordsIn(path).map(({ type }) => type)).toEqual(['run'])
  })
})
