// As it was built: workers that are modules are started from there.
import type { ForEachOptions, ForEachRun, ItemResult, Items } from '../../dist/index.js'
import { forEach } from '../../dist/index.js'
import type { Act, Done } from './programs/acting.mjs'

export type ActingModule = typeof import('./programs/acting.mjs')
export type ActResult = ItemResult<Act, Done>
export const ACTING = new URL('./programs/acting.mjs', import.meta.url)

/** forEach over what the acting module is told; two processes, unless it is said otherwise, and little patience. */
export function actOn(items: Items<Act>, options: ForEachOptions<Act, Done> = {}): ForEachRun<Act, Done> {
  return forEach<ActingModule>(items, ACTING, { concurrency: 2, killGraceMs: 200, ...options })
}

export async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const result of results) list.push(result)
  return list
}

export const answers = (count: number): Act[] => Array.from({ length: count }, (_, value) => ({ act: 'answer', value }))

/** How many of them were being handled at the same moment, at the most. */
export function mostAtOnce(results: readonly ActResult[]): number {
  const times = results.flatMap(({ value }) => {
    return value === undefined
      ? []
      : [
          { ms: value.begunMs, by: 1 },
          { ms: value.endedMs, by: -1 },
        ]
  })
  let [now, most] = [0, 0]
  for (const { by } of times.sort((a, b) => a.ms - b.ms || a.by - b.by)) {
    now += by
    most = Math.max(most, now)
  }
  return most
}
