import {
  type Attempt,
  Dispatcher,
  type DispatchOptions,
  type DroverError,
  dispatch,
  isFailure,
  type Result,
  type Steering,
  type Summary,
  type Task,
} from '../../src/index.js'
import { type FakeChild, FakeLauncher, type FakePlan } from '../helpers/fake-launcher.js'
import { elapse, foreignTimers, inFakeTime } from '../helpers/fake-time.js'
import type { Scenario, ScenarioTask } from './scenario.js'

/** What happened, and what was wrong with it at the moment it happened. */
export interface Observed {
  readonly results: Result[]
  readonly attempts: Attempt[]
  readonly problems: string[]
  readonly startsOf: Map<number, number>
  /** Those that were ended alone. */
  readonly cancelled: Set<number>
  /** How many tasks were read. */
  read: number
  stoppedBy: string | null
  left: boolean
  destroyed: boolean
  summary: Summary | null
  timersLeft: number
  running: number
}

export class Play {
  readonly observed: Observed = {
    results: [],
    attempts: [],
    problems: [],
    startsOf: new Map(),
    cancelled: new Set(),
    read: 0,
    stoppedBy: null,
    left: false,
    destroyed: false,
    summary: null,
    timersLeft: 0,
    running: 0,
  }
  readonly #scenario: Scenario
  readonly #launcher: FakeLauncher
  readonly #abort = new AbortController()
  readonly #waiting = new Map<number, ScenarioTask>()
  readonly #weights = new Map<FakeChild, number>()
  #limit: number
  /** A dispatcher counts what was added, and what is no task is not: their places in the scenario. */
  readonly #added: number[] = []
  /** By their place in the scenario. */
  readonly #cancelled = new Set<number>()
  #isPaused = () => false
  #failed = 0
  #succeeded = 0

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#limit = scenario.concurrency
    this.#launcher = new FakeLauncher((child) => this.#planOf(child))
    this.#launcher.onStart = (child) => this.#checkStart(child)
    this.#launcher.onEnd = (child) => this.#weights.delete(child)
  }

  /** All tasks are added to a dispatcher at once, and a few while it runs. */
  dispatcher(): Promise<Observed> {
    return this.#inFakeTime(async () => {
      const dispatcher = new Dispatcher(this.#options())
      this.#act(dispatcher, (n) => {
        dispatcher.concurrency = n
      })
      const promises = this.#scenario.tasks.flatMap((task, index) => (task.bad ? [] : [{ task, index }]))
      const late = promises.splice(Math.ceil(promises.length * 0.8))
      // Held until all are there, so that the highest priority of all is the first.
      dispatcher.suspend()
      const added = promises.map(({ task, index }) => this.#add(dispatcher, task, index))
      dispatcher.resume()
      const dispatched = dispatcher.dispatch()
      for (const { task, index } of late) {
        await elapse(11)
        if (this.observed.destroyed) break
        added.push(this.#add(dispatcher, task, index))
      }
      this.observed.summary = await dispatched.then(() => dispatcher.dispatch())
      this.observed.results.push(...(await Promise.all(added)))
      this.observed.read = added.length
    })
  }

  /** The tasks come from a source, and the results go to a reader who takes his time, or leaves. */
  iteration(): Promise<Observed> {
    return this.#inFakeTime(async () => {
      const { lookahead, readMs, leavesAfter } = this.#scenario
      const run = dispatch(this.#source(), { ...this.#options(), lookahead })
      this.#act(run, (n) => {
        run.concurrency = n
      })
      for await (const result of run) {
        this.observed.results.push(result)
        if (readMs > 0) await elapse(readMs)
        if (this.observed.results.length === leavesAfter) {
          this.observed.left = true
          this.#stop('left')
          break
        }
      }
      this.observed.summary = await run.summary()
    })
  }

  async #inFakeTime(work: () => Promise<void>): Promise<Observed> {
    await inFakeTime(async () => {
      await work()
      this.observed.running = this.#launcher.running
      clearTimers(this.#timers)
      this.observed.timersLeft = foreignTimers()
    })
    return this.observed
  }

  readonly #timers: NodeJS.Timeout[] = []

  #options(): DispatchOptions {
    const { concurrency, halt, timeoutMs, totalTimeoutMs, backoffMs, delayMs, onResult } = this.#scenario
    return {
      concurrency,
      halt,
      timeoutMs,
      totalTimeoutMs,
      backoffMs,
      delayMs,
      killGraceMs: 20,
      launcher: this.#launcher,
      signal: this.#abort.signal,
      onAttempt: (attempt) => void this.observed.attempts.push(attempt),
      onResult: (result, { total }) => {
        this.#countTowardsHalt(result, total)
        if (onResult === 'later') return elapse(5)
      },
    }
  }

  #taskOf(task: ScenarioTask, index: number): Task {
    const { weight, priority, retries, timeoutMs } = task
    const command = task.bad ? '' : 'scenario'
    return { command, args: [`${index}`], weight, priority, retries, ...(timeoutMs !== undefined && { timeoutMs }) }
  }

  #add(dispatcher: Dispatcher, task: ScenarioTask, index: number): Promise<Result> {
    this.#waiting.set(index, task)
    this.#added.push(index)
    return dispatcher.add(this.#taskOf(task, index))
  }

  #source() {
    const { tasks, source } = this.#scenario
    const all = tasks.map((task, index) => this.#taskOf(task, index))
    if (source === 'array') {
      this.observed.read = all.length
      return all
    }
    const { observed } = this
    if (source === 'generator') {
      return (function* () {
        for (const task of all) {
          observed.read += 1
          yield task
        }
      })()
    }
    return (async function* () {
      for (const task of all) {
        await elapse(4)
        observed.read += 1
        yield task
      }
    })()
  }

  #act(
    run: Pick<Dispatcher, 'halt' | 'suspend' | 'resume' | 'steering'> & { destroy(): unknown },
    setConcurrency: (n: number) => void,
  ): void {
    const later = (ms: number, work: () => void) => this.#timers.push(setTimeout(work, ms))
    this.#isPaused = () => run.steering.paused
    for (const action of this.#scenario.actions) {
      later(action.atMs, () => {
        if (action.what === 'concurrency') {
          this.#limit = action.to
          return setConcurrency(action.to)
        }
        if (action.what === 'suspend') {
          run.suspend()
          return later(30, () => run.resume())
        }
        if (action.what === 'pause') {
          run.steering.pause()
          return later(30, () => run.steering.unpause())
        }
        if (action.what === 'cancel') return this.#cancel(run.steering, action.which)
        this.#stop(action.what)
        if (action.what === 'destroy') this.observed.destroyed = true
        if (action.what === 'abort') this.#abort.abort()
        else if (action.what === 'destroy') void run.destroy()
        else run.halt(action.what)
      })
    }
    if (this.#scenario.totalTimeoutMs > 0) later(this.#scenario.totalTimeoutMs, () => this.#stop('total timeout'))
  }

  #cancel(steering: Steering, which: number): void {
    const own = this.#added[which] ?? which
    try {
      // Others may be started in its place before it returns.
      this.#waiting.delete(own)
      this.observed.cancelled.add(steering.cancel(`${which + 1}`).index)
      this.#cancelled.add(own)
    } catch (error) {
      if ((error as DroverError).code !== 'ERR_DROVER_NO_TASK') throw error
    }
  }

  #stop(by: string): void {
    this.observed.stoppedBy ??= by
  }

  #planOf(child: FakeChild): FakePlan {
    const index = Number(child.spec.args[0])
    const { plans } = this.#scenario.tasks[index]!
    return plans[Math.min(this.observed.startsOf.get(index)! - 1, plans.length - 1)]!
  }

  #checkStart(child: FakeChild): void {
    const index = Number(child.spec.args[0])
    const { weight, priority } = this.#scenario.tasks[index]!
    const { startsOf, problems, stoppedBy } = this.observed
    if (stoppedBy !== null) problems.push(`${index} was started after ${stoppedBy}`)
    if (this.#cancelled.has(index)) problems.push(`${index} was started after it was cancelled`)
    if (this.#isPaused()) problems.push(`${index} was started in a pause`)
    const used = [...this.#weights.values()].reduce((sum, its) => sum + its, 0)
    if (used > 0 && used + weight > this.#limit) problems.push(`${index} was started above the limit`)
    this.#waiting.delete(index)
    for (const [other, { priority: its }] of this.#waiting) {
      const isFirst = its > priority || (its === priority && !startsOf.has(index) && other < index)
      if (isFirst) problems.push(`${index} was started before ${other}`)
    }
    this.#weights.set(child, weight)
    startsOf.set(index, (startsOf.get(index) ?? 0) + 1)
  }

  /** As the rule has it; where it is a percentage, only when all tasks are known. */
  #countTowardsHalt({ state }: Result, total: number | null): void {
    if (state === 'succeeded') this.#succeeded += 1
    else if (isFailure(state)) this.#failed += 1
    const match = /,(fail|success|done)=(\d+)(%?)/.exec(this.#scenario.halt)
    if (match === null) return
    const [, what, count, percent] = match
    const reached = { fail: this.#failed, success: this.#succeeded, done: this.#failed + this.#succeeded }[what!]!
    if (percent === '%' && total === null) return
    if (reached > 0 && reached >= (percent === '%' ? (Number(count) / 100) * total! : Number(count))) this.#stop('halt')
  }
}

function clearTimers(timers: readonly NodeJS.Timeout[]): void {
  for (const timer of timers) clearTimeout(timer)
}
