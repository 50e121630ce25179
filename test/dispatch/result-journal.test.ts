import { describe, expect, it } from 'vitest'
import { type Attempt, Dispatcher, DroverError, dispatch, OptionError, type Result } from '../../src/index.js'
import type { ResultState } from '../../src/task/result.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { planned, planOfTask, settle } from '../helpers/fake-tasks.js'
import { until } from '../helpers/until.js'

/** A journal that remembers the order in which it is used, and commits when it is told to, or at once. */
class FakeJournal {
  readonly used: string[] = []
  readonly states = new Map<string, ResultState | DroverError>()
  readonly waiting: (() => void)[] = []
  holds = false
  failure: Error | null = null

  begin(run: string): void {
    this.used.push(`begin ${run}`)
  }

  stateOf({ id = '' }: { id?: string }): ResultState | null {
    const state = this.states.get(id) ?? null
    if (state instanceof DroverError) throw state
    return state
  }

  async commit({ id, key }: Result): Promise<void> {
    if (this.holds) await new Promise<void>((resolve) => this.waiting.push(resolve))
    if (this.failure !== null) throw this.failure
    this.used.push(`commit ${id}`)
    expect(key).toMatch(/^[0-9a-f]{32}/)
  }

  async record({ type, id, attempt }: Attempt): Promise<void> {
    this.used.push(`${type} ${id} ${attempt}`)
  }
}

const fast = () => new FakeLauncher(planOfTask)
const task = (id: string, plan = {}) => planned(plan, { id })

describe('a journal of a run', () => {
  it('that fails for one result has onResult told of none that comes after', async () => {
    const commits: { resolve: () => void; reject: (error: Error) => void }[] = []
    const failure = new Error('the disk is full')
    const told: (string | null)[] = []
    const journal = {
      begin() {},
      stateOf: () => null,
      commit: () => new Promise<void>((resolve, reject) => void commits.push({ resolve, reject })),
      record: async () => {},
    }
    const dispatcher = new Dispatcher({
      concurrency: 2,
      launcher: fast(),
      journal,
      onResult: ({ id }) => void told.push(id),
    })
    const tasks = ['a', 'b'].map((id) => dispatcher.add(task(id)))
    await until('both are being committed', () => commits.length === 2)
    commits[0]!.reject(failure)
    await settle()
    commits[1]!.resolve()
    await expect(dispatcher.dispatch()).rejects.toBe(failure)
    for (const each of tasks) await expect(each).rejects.toBe(failure)
    expect(told).toEqual([])
  })

  it('has a result before onResult and before whoever reads the results', async () => {
    const journal = new FakeJournal()
    const onResult = ({ id }: Result) => void journal.used.push(`onResult ${id}`)
    const run = dispatch([task('a'), task('b')], { concurrency: 1, launcher: fast(), journal, onResult, run: 'r' })
    for await (const { id } of run) journal.used.push(`read ${id}`)
    expect(journal.used).toEqual([
      'begin r',
      ...['a', 'b'].flatMap((id) => [`commit ${id}`, `onResult ${id}`, `read ${id}`]),
    ])
  })

  it('has each attempt that is followed by another', async () => {
    const journal = new FakeJournal()
    const options = { launcher: fast(), journal, retries: 2, backoffMs: 0, run: 'r' }
    await dispatch([task('a', { exitCode: 1 })], options).summary()
    expect(journal.used).toEqual(['begin r', 'attempt a 1', 'attempt a 2', 'commit a'])
  })

  it.each([false, true])('says what need not be run, which gives no result (asynchronous source: %s)', async (slow) => {
    const journal = new FakeJournal()
    for (let n = 0; n < 5_000; n++) if (n % 10 !== 0) journal.states.set(`${n}`, n % 10 === 1 ? 'failed' : 'succeeded')
    const tasks = Array.from({ length: 5_000 }, (_, n) => task(`${n}`))
    async function* slowly() {
      yield* tasks
    }
    const launcher = fast()
    const run = dispatch(slow ? slowly() : tasks, { concurrency: 8, launcher, journal, total: 5_000 })
    const results: Result[] = []
    for await (const result of run) results.push(result)
    expect(results.map(({ index }) => index).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 500 }, (_, n) => n * 10),
    )
    expect(launcher.children).toHaveLength(500)
    expect(await run.summary()).toMatchObject({ total: 500, alreadyDone: 4_500, alreadyFailed: 500, complete: true })
    expect(run.progress()).toMatchObject({ total: 5_000, done: 500, alreadyDone: 4_500 })
  })

  it('says what must not be run, which becomes invalid', async () => {
    const journal = new FakeJournal()
    journal.states.set('b', new DroverError('ERR_DROVER_TASK_CHANGED', 'another one'))
    const states: string[] = []
    for await (const { id, state, error } of dispatch([task('a'), task('b'), task('c')], {
      launcher: fast(),
      journal,
    })) {
      states.push(`${id} ${state} ${error?.code ?? ''}`)
    }
    expect(states.sort()).toEqual(['a succeeded ', 'b invalid ERR_DROVER_TASK_CHANGED', 'c succeeded '])
  })

  it('that fails ends the run: nothing more is started, nothing is told, and the error is what it ends with', async () => {
    const journal = new FakeJournal()
    const launcher = fast()
    const read: Result[] = []
    const run = dispatch(
      Array.from({ length: 20 }, (_, n) => task(`${n}`, { durationMs: n === 2 ? 60_000 : 0 })),
      { concurrency: 3, launcher, journal, killGraceMs: 10 },
    )
    const reading = (async () => {
      for await (const result of run) {
        read.push(result)
        if (read.length === 4) journal.failure = new Error('the disk is full')
      }
    })()
    await expect(reading).rejects.toThrow('the disk is full')
    expect(launcher.running).toBe(0)
    expect(launcher.children.length).toBeLessThan(12)
    expect(journal.used.filter((use) => use.startsWith('commit'))).toHaveLength(read.length)
  })

  it('that is behind holds back a dispatcher, so that results do not fill the memory', async () => {
    const journal = new FakeJournal()
    journal.holds = true
    const launcher = fast()
    const dispatcher = new Dispatcher({ concurrency: 50, launcher, journal })
    for (let n = 0; n < 3_000; n++) void dispatcher.add(task(`${n}`))
    await until('nothing moves any more', async () => {
      await settle()
      return launcher.running === 0
    })
    expect(journal.waiting.length).toBeGreaterThanOrEqual(1_024)
    expect(journal.waiting.length).toBeLessThan(1_100)
    journal.holds = false
    for (const commit of journal.waiting) commit()
    expect(await dispatcher.dispatch()).toMatchObject({ total: 3_000 })
  })

  it('has to be one', () => {
    expect(() => dispatch([], { journal: 'night.jsonl' as never })).toThrow(OptionError)
    expect(() => dispatch([], { journal: 'night.jsonl' as never })).toThrow('Journal.open()')
  })
})
