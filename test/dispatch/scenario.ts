import fc from 'fast-check'
import type { FakePlan } from '../helpers/fake-launcher.js'

/** What is to be run: what each start of it does; the last plan holds for all further ones. */
export interface ScenarioTask {
  readonly plans: readonly FakePlan[]
  readonly weight: number
  readonly priority: number
  readonly retries: number
  readonly timeoutMs: number | undefined
  /** No task at all. */
  readonly bad: boolean
}

export type Action =
  | { readonly what: 'soon' | 'now' | 'abort' | 'destroy' | 'suspend' | 'pause' }
  /** One task alone, where it runs or waits. */
  | { readonly what: 'cancel'; readonly which: number }
  | { readonly what: 'concurrency'; readonly to: number }

export interface Scenario {
  readonly tasks: readonly ScenarioTask[]
  readonly concurrency: number
  readonly halt: string
  readonly timeoutMs: number
  readonly totalTimeoutMs: number
  readonly backoffMs: number
  readonly delayMs: number
  readonly onResult: 'none' | 'at once' | 'later'
  readonly actions: readonly (Action & { readonly atMs: number })[]
  /** Milliseconds that the reader takes for each result, or after how many it leaves. */
  readonly readMs: number
  readonly leavesAfter: number | null
  readonly source: 'array' | 'generator' | 'slow generator'
  readonly lookahead: number
}

const durationMs = fc.nat(30)
const plan: fc.Arbitrary<FakePlan> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ durationMs }) },
  { weight: 3, arbitrary: fc.record({ durationMs, exitCode: fc.constant(1), stdout: fc.constant('printed') }) },
  { weight: 1, arbitrary: fc.record({ durationMs, signal: fc.constant('SIGSEGV' as const) }) },
  { weight: 1, arbitrary: fc.record({ spawnError: fc.constant('ENOENT') }) },
  { weight: 2, arbitrary: fc.record({ spawnError: fc.constantFrom('EAGAIN', 'EMFILE') }) },
  { weight: 1, arbitrary: fc.record({ durationMs, lost: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ durationMs: fc.constant(90), ignoresTerm: fc.constant(true) }) },
)
const plans = fc.array(plan, { minLength: 1, maxLength: 4 })

const task: fc.Arbitrary<ScenarioTask> = fc.record({
  plans,
  weight: fc.constantFrom(1, 1, 1, 2, 3, 9),
  priority: fc.constantFrom(0, 0, 0, 1, -1),
  retries: fc.constantFrom(0, 0, 1, 3),
  timeoutMs: fc.constantFrom(undefined, undefined, 0, 10),
  bad: fc.constantFrom(false, false, false, false, true),
})

const action: fc.Arbitrary<Action & { atMs: number }> = fc
  .tuple(
    fc.oneof(
      fc.record({
        what: fc.constantFrom(
          'soon' as const,
          'now' as const,
          'abort' as const,
          'destroy' as const,
          'suspend' as const,
          'pause' as const,
        ),
      }),
      fc.record({ what: fc.constant('cancel' as const), which: fc.nat(24) }),
      fc.record({ what: fc.constant('concurrency' as const), to: fc.integer({ min: 1, max: 5 }) }),
    ),
    fc.nat(120),
  )
  .map(([action, atMs]) => ({ ...action, atMs }))

const halt = fc.oneof(
  { weight: 2, arbitrary: fc.constant('never') },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('now', 'soon'),
        fc.constantFrom('fail', 'success', 'done'),
        fc.constantFrom('1', '3', '30%'),
      )
      .map(([when, what, count]) => `${when},${what}=${count}`),
  },
)

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  tasks: fc.array(task, { maxLength: 25, size: 'max' }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  halt,
  timeoutMs: fc.constantFrom(0, 0, 25),
  totalTimeoutMs: fc.constantFrom(0, 0, 0, 100),
  backoffMs: fc.constantFrom(0, 20, 1_000),
  delayMs: fc.constantFrom(0, 0, 7),
  onResult: fc.constantFrom('none' as const, 'at once' as const, 'later' as const),
  actions: fc.array(action, { maxLength: 4, size: 'max' }),
  readMs: fc.constantFrom(0, 0, 3, 40),
  leavesAfter: fc.option(fc.nat(20), { freq: 4 }),
  source: fc.constantFrom('array' as const, 'generator' as const, 'slow generator' as const),
  lookahead: fc.constantFrom(0, 0, 2, Number.POSITIVE_INFINITY),
})
