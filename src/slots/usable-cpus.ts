import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { groupPlaces } from '../process/cgroups/places.js'

/** How many CPUs this process may really use: those it may run on, and not more than its control group has the time of. At least 1. */
export function usableCpus(): number {
  cached ??= Math.max(1, Math.min(availableParallelism(), Math.ceil(quotaCpus(readQuietly))))
  return cached
}

let cached: number | null = null

/**
 * The CPUs whose time the control groups of this process have, by the strictest on the way up: `cpu.max` of cgroup v2 ("50000 100000" is half of
 * one, "max" no limit), or `cpu.cfs_quota_us` and `cpu.cfs_period_us` of v1. Infinity is no limit.
 *
 * @param read - gives a file's text, or null where there is none.
 */
export function quotaCpus(read: (path: string) => string | null): number {
  let least = Number.POSITIVE_INFINITY
  for (const { version, controllers, mount, folder } of groupPlaces(read)) {
    if (version === 1 && !controllers.includes('cpu')) continue
    for (let at = folder; ; at = dirname(at)) {
      least = Math.min(least, version === 2 ? v2Cpus(read(join(at, 'cpu.max'))) : v1Cpus(read, at))
      if (at.length <= mount.length) break
    }
  }
  return least
}

function v2Cpus(text: string | null): number {
  const [, quota, period] = /^(\d+) (\d+)/.exec(text ?? '') ?? []
  return quota === undefined ? Number.POSITIVE_INFINITY : Number(quota) / Number(period)
}

function v1Cpus(read: (path: string) => string | null, folder: string): number {
  const quota = Number(read(join(folder, 'cpu.cfs_quota_us')) ?? -1)
  const period = Number(read(join(folder, 'cpu.cfs_period_us')) ?? 0)
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}

function readQuietly(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
