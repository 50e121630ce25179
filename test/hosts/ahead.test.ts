import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DispatchRun, type DispatchSourceOptions, dispatch } from '../../src/dispatch/dispatch.js'
import { Dispatcher } from '../../src/dispatch/dispatcher.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { drover } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { TestHosts } from './sshd.js'

const DELAY_MS = 50
const TRIP_MS = 2 * DELAY_MS

let hosts: TestHosts
beforeAll(async () => {
  hosts = await TestHosts.start([
    { name: 'far', delayMs: DELAY_MS },
    { name: 'near' },
    { name: 'cut', delayMs: DELAY_MS, namespace: true },
  ])
  process.env.PATH = `${hosts.bin}:${process.env.PATH}`
})
afterAll(() => hosts?.end())

async function resultsFrom(tasks: readonly (Task | string)[], options: DispatchSourceOptions): Promise<Result[]> {
  const results: Result[] = []
  for await (const result of dispatch(tasks, options)) results.push(result)
  return results
}

let folders = 0
/** A folder for the marks that tasks leave. */
function newFolder(): string {
  folders += 1
  const folder = join(hosts.folder, `marks-${folders}`)
  mkdirSync(folder)
  return folder
}

/** So many short tasks that it is known how long a task takes, and that it is worth while to send some ahead. */
const SHORT: readonly string[] = Array(6).fill('sleep 0.01')

/** Leaves a mark, and ends with a status when it may. */
const held = (folder: string, name: string, status = 0) =>
  `: > ${folder}/${name}; while ! test -e ${folder}/go-${name}; do sleep 0.01; done; date +%s%N; exit ${status}`
const letGo = (folder: string, name: string) => writeFileSync(join(folder, `go-${name}`), '')

/** Says when it has begun, in milliseconds. */
const MARKED = 'date +%s%N'
const msOf = ({ stdout }: Result) => Number(stdout) / 1e6
const nowMs = () => performance.timeOrigin + performance.now()

function collect(run: DispatchRun): { results: Result[]; end: Promise<void> } {
  const results: Result[] = []
  const read = async () => {
    for await (const result of run) results.push(result)
  }
  return { results, end: read() }
}

/** Until the tasks before it have run, the one that is held does, and what comes then is on its way. */
async function untilHeld(run: DispatchRun, folder: string, ...names: string[]): Promise<void> {
  for (const name of names) await until(`${name} runs`, () => existsSync(join(folder, name)))
  const heard = () => run.progress().running === names.length && run.progress().done === SHORT.length
  await until('that is heard here', heard)
}

const inOrder = (results: Result[]) => results.toSorted((a, b) => a.index - b.index)

const TIMED = 'date +%s%N; sleep 0.02; date +%s%N'

function spanOf({ stdout }: Result): [start: number, end: number] {
  const [start, end] = stdout.trim().split('\n')
  return [Number(start) / 1e6, Number(end) / 1e6]
}

/** For how many milliseconds each slot was empty before each start but the first ones, from what the tasks have said themselves. */
function gapsOf(results: readonly Result[], slots: number): number[] {
  const spans = results.map(spanOf).sort(([a], [b]) => a - b)
  const ends = spans.slice(0, slots).map(([, end]) => end)
  return spans.slice(slots).map(([start, end]) => {
    ends.sort((a, b) => a - b)
    const gap = start - ends.shift()!
    ends.push(end)
    return gap
  })
}

describe('starts that are sent ahead', () => {
  it('leave no slot empty for as long as a word takes', async () => {
    const results = await resultsFrom(Array(80).fill(TIMED), { hosts: 'far:2' })
    expect(results.map(({ state }) => state)).toEqual(Array(80).fill('succeeded'))
    const gaps = gapsOf(results, 2)
    const short = gaps.filter((gap) => gap < TRIP_MS / 2)
    expect(short.length).toBeGreaterThan(gaps.length * 0.8)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0)
  })

  it('are not sent where only this side can say what starts', async () => {
    const results = await resultsFrom(Array(12).fill(TIMED), { hosts: 'far:2', beforeStart: (task) => task })
    for (const gap of gapsOf(results, 2)) expect(gap).toBeGreaterThan(TRIP_MS * 0.9)
  })

  it('begin in the order of their input, with what they read and what they print', async () => {
    const tasks = Array.from({ length: 40 }, (_, place) => ({
      command: `${MARKED} >&2; cat; echo .`,
      stdin: `${place}`.repeat(place * 3_000),
    }))
    const results = inOrder(await resultsFrom(tasks, { hosts: 'far:1' }))
    for (const [place, { stdout }] of results.entries()) expect(stdout === `${tasks[place]!.stdin}.\n`).toBe(true)
    const starts = results.map(({ stderr }) => Number(stderr))
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
  })

  it('count their time and their timeout from when they have really begun', async () => {
    const folder = newFolder()
    const run = dispatch(
      [
        ...SHORT,
        held(folder, 'a'),
        { command: `${MARKED}; sleep 0.05`, timeoutMs: 400 },
        { command: 'sleep 60', timeoutMs: 150 },
      ],
      { hosts: 'far:1', killGraceMs: 100 },
    )
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    const heardMs = nowMs()
    await until('longer than the timeouts', () => nowMs() - heardMs > 500)
    letGo(folder, 'a')
    await end
    const [waited, timedOut] = inOrder(results).slice(-2)
    expect(waited).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(waited!.queuedMs).toBeGreaterThan(500)
    expect(waited!.durationMs).toBeGreaterThan(45)
    expect(waited!.durationMs).toBeLessThan(400)
    const startedMs = Date.parse(waited!.startedAt!)
    expect(Math.abs(startedMs - Number(waited!.stdout) / 1e6)).toBeLessThan(TRIP_MS)
    expect(timedOut).toMatchObject({ state: 'timed-out' })
    expect(timedOut!.durationMs).toBeGreaterThan(100)
  })

  it('do not begin while the run is paused', async () => {
    const folder = newFolder()
    const run = dispatch([...SHORT, held(folder, 'a'), ...Array(4).fill(MARKED)], { hosts: 'far:1' })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    run.steering.pause()
    // The word is there before the end of the task, which cannot know of it.
    const saidMs = nowMs()
    await until('a trip', () => nowMs() - saidMs > TRIP_MS * 2)
    letGo(folder, 'a')
    await until('its result', () => results.length === SHORT.length + 1)
    const againMs = nowMs()
    run.steering.unpause()
    await end
    const marked = inOrder(results).slice(-4)
    expect(marked.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual(Array(4).fill('succeeded 1'))
    for (const result of marked) expect(msOf(result)).toBeGreaterThan(againMs)
  })

  it('do not begin where fewer are to run at once', async () => {
    const folder = newFolder()
    const run = dispatch([...SHORT, held(folder, 'a'), held(folder, 'b'), ...Array(4).fill(MARKED)], { hosts: 'far:2' })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a', 'b')
    run.concurrency = 1
    const saidMs = nowMs()
    await until('a trip', () => nowMs() - saidMs > TRIP_MS * 2)
    letGo(folder, 'a')
    await until('its result', () => results.length === SHORT.length + 1)
    expect(run.progress().running).toBe(1)
    letGo(folder, 'b')
    await end
    const [b, ...marked] = inOrder(results).slice(-5)
    for (const result of marked) expect(msOf(result)).toBeGreaterThan(msOf(b!))
  })

  it('can be cancelled, and are skipped then', async () => {
    const folder = newFolder()
    const marks = ['x', 'y', 'z'].map((id) => ({ id, command: `: > ${folder}/${id}` }))
    const run = dispatch([...SHORT, held(folder, 'a'), ...marks], { hosts: 'far:1' })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    run.steering.cancel('y')
    await until('its result', () => results.length === SHORT.length + 1)
    expect(results.at(-1)).toMatchObject({
      id: 'y',
      state: 'skipped',
      attempt: 0,
      startedAt: null,
      error: { code: 'ERR_DROVER_CANCELLED' },
    })
    letGo(folder, 'a')
    await end
    expect(results.filter(({ state }) => state === 'succeeded')).toHaveLength(SHORT.length + 3)
    expect(readdirSync(folder).sort()).toEqual(['a', 'go-a', 'x', 'z'])
  })

  it.each(['soon', 'now'] as const)('do not begin after a failure that halts the run (%s)', async (when) => {
    const folder = newFolder()
    const marks = Array.from({ length: 6 }, (_, place) => `: > ${folder}/mark-${place}`)
    const run = dispatch([...SHORT, held(folder, 'a', 3), ...marks], { hosts: 'far:1', halt: `${when},fail=1` })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    letGo(folder, 'a')
    await end
    expect(inOrder(results).map(({ state }) => state)).toEqual([
      ...SHORT.map(() => 'succeeded'),
      'failed',
      ...marks.map(() => 'skipped'),
    ])
    expect(readdirSync(folder).sort()).toEqual(['a', 'go-a'])
  })

  it('go on after a failure that halts nothing', async () => {
    const tasks = Array.from({ length: 40 }, (_, place) => `${TIMED}; exit ${place % 4 === 0 ? 1 : 0}`)
    const results = await resultsFrom(tasks, { hosts: 'far:2', halt: 'soon,fail=100' })
    expect(results.filter(({ state }) => state === 'failed')).toHaveLength(10)
    expect(results.filter(({ state }) => state === 'succeeded')).toHaveLength(30)
  })

  it('are skipped when the run is ended, and what runs is ended', async () => {
    const folder = newFolder()
    const run = dispatch([...SHORT, held(folder, 'a'), ...Array(6).fill(`: > ${folder}/mark`)], { hosts: 'far:1' })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    run.halt('now')
    await end
    expect(inOrder(results).map(({ state }) => state)).toEqual([
      ...SHORT.map(() => 'succeeded'),
      'cancelled',
      ...Array(6).fill('skipped'),
    ])
    expect(readdirSync(folder)).toEqual(['a'])
  })

  it('make way for one that is more urgent', async () => {
    const folder = newFolder()
    const dispatcher = new Dispatcher({ hosts: 'far:1', keepFinished: true })
    for (const command of [...SHORT, held(folder, 'a'), MARKED, MARKED, MARKED]) void dispatcher.add(command)
    const end = dispatcher.dispatch()
    await until('a runs', () => existsSync(join(folder, 'a')))
    await until('it is heard of here', () => dispatcher.progress().running === 1)
    const urgent = dispatcher.add({ command: MARKED, priority: 1 })
    const saidMs = nowMs()
    await until('a trip', () => nowMs() - saidMs > TRIP_MS * 2)
    letGo(folder, 'a')
    await end
    const marked = dispatcher.finished.toSorted((a, b) => a.index - b.index).slice(-4)
    expect(msOf(await urgent)).toBe(Math.min(...marked.map(msOf)))
  })

  it('are had back when another host has nothing to do', async () => {
    const folder = newFolder()
    const go = join(folder, 'go')
    const far = hosts.host('far').cache
    const slow = `test "$XDG_CACHE_HOME" != ${far} || while ! test -e ${go}; do sleep 0.01; done`
    const run = dispatch([...Array(20).fill('sleep 0.01'), ...Array(20).fill(slow)], { hosts: 'far:1,near:1' })
    const { results, end } = collect(run)
    await until('all but the one that runs on the slow host', () => results.length === 39)
    expect(run.progress()).toMatchObject({ running: 1, queued: 0 })
    writeFileSync(go, '')
    await end
    expect(results.at(-1)).toMatchObject({ state: 'succeeded', host: 'far' })
    expect(results.filter(({ state, attempt }) => state === 'succeeded' && attempt === 1)).toHaveLength(40)
  })

  it('are not lost with their host, and have not used up a try', async () => {
    const folder = newFolder()
    const run = dispatch([...SHORT, held(folder, 'a'), ...Array(6).fill(MARKED)], { hosts: 'far:1' })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    hosts.host('far').kill()
    await until('it is lost', () => results.some(({ state }) => state === 'lost'))
    await hosts.host('far').start()
    await end
    expect(inOrder(results).map(({ state, attempt }) => `${state} ${attempt}`)).toEqual([
      ...SHORT.map(() => 'succeeded 1'),
      'lost 1',
      ...Array(6).fill('succeeded 1'),
    ])
  })

  it('do not begin on a host that has been cut off for a while', async () => {
    const folder = newFolder()
    const marks = Array.from({ length: 4 }, (_, place) => `: > ${folder}/mark-${place}`)
    const run = dispatch([...SHORT, held(folder, 'a'), ...marks], { hosts: { names: 'cut:1', silenceMs: 4_000 } })
    const { results, end } = collect(run)
    await untilHeld(run, folder, 'a')
    hosts.host('cut').cutOff()
    const sinceMs = nowMs()
    await until('longer than what waits there may', () => nowMs() - sinceMs > 2_000)
    letGo(folder, 'a')
    await until('it is lost', () => results.some(({ state }) => state === 'lost'))
    expect(readdirSync(folder).sort()).toEqual(['a', 'go-a'])
    hosts.host('cut').reconnect()
    await end
    expect(inOrder(results).map(({ state, attempt }) => `${state} ${attempt}`)).toEqual([
      ...SHORT.map(() => 'succeeded 1'),
      'lost 1',
      ...marks.map(() => 'succeeded 1'),
    ])
  })

  it('have their files there before, and bring theirs back', async () => {
    const here = newFolder()
    const names = Array.from({ length: 20 }, (_, place) => `file-${place}`)
    for (const name of names) writeFileSync(join(here, name), `what is in ${name}`)
    const options = [
      '--hosts',
      'far:2',
      '--workdir',
      newFolder(),
      '--transfer',
      '{}',
      '--return',
      '{}.out',
      '--cleanup',
    ]
    const end = await drover(['run', ...options, 'tr a-z A-Z < {} > {}.out', ':::', ...names], { cwd: here })
    expect(end).toMatchObject({ status: 0, stderr: '' })
    for (const name of names) {
      const path = join(here, `${name}.out`)
      expect(readFileSync(path, 'utf8')).toBe(`WHAT IS IN ${name.toUpperCase()}`)
    }
  })

  it('have one result each, and never more run than may, whatever is done to the run', async () => {
    const tasks = Array.from({ length: 400 }, (_, place) => ({
      id: `t${place}`,
      command: `date +%s%N; sleep 0.0${place % 7}; date +%s%N; exit ${place % 11 === 0 ? 1 : 0}`,
      priority: place % 3,
    }))
    const run = dispatch(tasks, { hosts: 'far:2,near:1', retries: 1, backoffMs: 1, lookahead: 50, control: true })
    const { results, end } = collect(run)
    let done = false
    void end.finally(() => {
      done = true
    })
    const setConcurrency = (concurrency: number) => {
      run.concurrency = concurrency
    }
    const acts = [
      () => run.steering.pause(),
      () => run.steering.unpause(),
      () => setConcurrency(1),
      () => setConcurrency(3),
      () => run.steering.cancel(run.steering.tasks().at(-1)!.id!),
      () => run.steering.cancel(`t${results.length + 8}`),
      () => run.suspend(),
      () => run.resume(),
    ]
    for (let act = 0; !done; act = (act + 1) % acts.length) {
      const count = results.length
      const sinceMs = nowMs()
      await until('something happens', () => done || results.length > count + 5 || nowMs() - sinceMs > 150)
      try {
        acts[act]!()
      } catch {
        // The task had ended.
      }
    }
    await end
    expect(results.map(({ id }) => id).sort()).toEqual(tasks.map(({ id }) => id).sort())
    for (const { state, attempt, index, signal } of results) {
      if (state === 'succeeded') expect(index % 11).not.toBe(0)
      else if (state === 'failed') expect(attempt).toBe(2)
      else expect(`${state} ${signal}`).toMatch(/^(cancelled|skipped) /)
    }
    const spans = results.filter(({ state, host }) => state === 'succeeded' && host === 'far').map(spanOf)
    const most = spans.map(([start]) => spans.filter(([from, to]) => from <= start && start < to).length)
    expect(Math.max(...most)).toBeLessThanOrEqual(2)
  })

  it('are given to another host when theirs is killed, and only what ran there is lost', async () => {
    let isEnough = false
    let read = 0
    function* tasks(): Generator<string> {
      for (; !isEnough; read++) yield TIMED
    }
    const run = dispatch(tasks(), { hosts: 'far:2,near:1' })
    const { results, end } = collect(run)
    const byFar = () => results.filter(({ host }) => host === 'far').length
    await until('starts are on their way', () => byFar() > 30)
    hosts.host('far').kill()
    await until('it is lost', () => results.some(({ state }) => state === 'lost'))
    const count = byFar()
    await until('the other goes on', () => results.length > count + 10)
    isEnough = true
    await end
    await hosts.host('far').start()
    expect(results).toHaveLength(read)
    const lost = results.filter(({ state }) => state !== 'succeeded')
    expect(new Set(lost.map(({ state }) => state))).toEqual(new Set(['lost']))
    // Those that ran, and those that had just got a place.
    expect(lost.length).toBeLessThanOrEqual(6)
    expect(new Set(results.map(({ attempt }) => attempt))).toEqual(new Set([1]))
  })
})
