import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

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
  const groups = read('/proc/self/cgroup') ?? ''
  const mounts = mountsOf(read('/proc/self/mountinfo') ?? '')
  let least = Number.POSITIVE_INFINITY
  for (const line of groups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (path === undefined) continue
    const isV2 = controllers === ''
    if (!isV2 && !controllers!.split(',').includes('cpu')) continue
    for (const mount of mounts) {
      if (mount.isV2 !== isV2 || (!isV2 && !mount.options.includes('cpu'))) continue
      // In a container the mount may begin somewhere below the root, and the path may lead out of it.
      const below = path.startsWith(mount.root) ? path.slice(mount.root === '/' ? 0 : mount.root.length) : '/'
      for (let at = join('/', below); ; at = dirname(at)) {
        const folder = join(mount.point, at)
        least = Math.min(least, isV2 ? v2Cpus(read(join(folder, 'cpu.max'))) : v1Cpus(read, folder))
        if (at === '/') break
      }
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

interface Mount {
  readonly root: string
  readonly point: string
  readonly isV2: boolean
  readonly options: readonly string[]
}

/** proc(5): "36 35 98:0 /root /point options - type source super-options". */
function mountsOf(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root, point] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    if (root === undefined || point === undefined || (type !== 'cgroup' && type !== 'cgroup2')) continue
    mounts.push({ root, point, isV2: type === 'cgroup2', options: options.split(',') })
  }
  return mounts
}

function readQuietly(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
