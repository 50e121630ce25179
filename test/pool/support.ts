import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type Answer, type PoolOptions, type PoolProtocol, ProcessPool, type RequestOptions } from '../../src/index.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'

export const PROTOCOLS = ['frames', 'lines', 'process-pool'] as const
export const LAUNCHERS = ['native', 'node'] as const

export const programFile = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))

/** What the hostile worker is told to do, and the text of its answer; see programs/hostile.mjs. */
export interface Act {
  readonly act: string
  readonly text?: string
  /** Written to its standard error before the answer. */
  readonly stderr?: string
  readonly [more: string]: unknown
}

/** A pool of hostile workers, which is destroyed when the test is over. */
export class HostilePool {
  readonly pool: ProcessPool
  readonly protocol: PoolProtocol
  /** All of its processes have it in their command lines. */
  readonly word = uniqueSleep()

  constructor(protocol: PoolProtocol, options: PoolOptions = {}, plan: Record<string, unknown> = {}) {
    this.protocol = protocol
    const args = [programFile('hostile.mjs'), protocol, `w${this.word}`, JSON.stringify(plan)]
    this.pool = new ProcessPool(process.execPath, args, { protocol, max: 1, ...options })
  }

  ask(act: Act, options?: RequestOptions): Promise<Answer<string>> {
    return this.pool.request<string>(JSON.stringify(act), options)
  }

  get processes(): number[] {
    return processesWith(this.word)
  }
}

export function hostilePool(
  protocol: PoolProtocol,
  options?: PoolOptions,
  plan?: Record<string, unknown>,
): HostilePool {
  const hostile = new HostilePool(protocol, options, plan)
  onTestFinished(() => hostile.pool.destroy({ graceMs: 0 }))
  return hostile
}

/** A pool that is destroyed when the test is over. */
export function poolOf(program: string, args: readonly string[], options: PoolOptions): ProcessPool {
  const pool = new ProcessPool(program, args, options)
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  return pool
}

/** The promise, or a rejection when it was not settled within 20 s: then a request was lost. */
export async function settled<T>(promise: Promise<T>, what = 'a request'): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const lost = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} was lost: it did not settle in 20 s`)), 20_000)
  })
  try {
    return await Promise.race([promise, lost])
  } finally {
    clearTimeout(timer)
  }
}

/** What a promise is rejected with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await settled(promise)
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('it was not rejected')
}
