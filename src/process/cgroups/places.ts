import { join } from 'node:path'

/** A hierarchy of control groups, and where this process is in it. See cgroups(7) and proc(5). */
export interface GroupPlace {
  readonly version: 1 | 2
  /** What is counted and limited in it, as in `memory`; of version 2 each folder says it by itself. */
  readonly controllers: readonly string[]
  /** Where it is mounted. */
  readonly mount: string
  /** The folder of this process's own group. */
  readonly folder: string
}

/** @param read - gives a file's text, or null where there is none. */
export function groupPlaces(read: (path: string) => string | null): GroupPlace[] {
  const mounts = mountsOf(read('/proc/self/mountinfo') ?? '')
  const places: GroupPlace[] = []
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (names === undefined || path === undefined) continue
    const version = names === '' ? 2 : 1
    const controllers = names === '' ? [] : names.split(',')
    for (const mount of mounts) {
      if (mount.version !== version || !controllers.every((name) => mount.options.includes(name))) continue
      // In a container the mount may begin somewhere below the root, and the path may lead out of it.
      const below = path.startsWith(mount.root) ? path.slice(mount.root === '/' ? 0 : mount.root.length) : '/'
      places.push({
        version,
        controllers,
        mount: mount.point,
        folder: join(mount.point, below).replace(/(.)\/$/, '$1'),
      })
    }
  }
  return places
}

interface Mount {
  readonly root: string
  readonly point: string
  readonly version: 1 | 2
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
    mounts.push({ root, point, version: type === 'cgroup2' ? 2 : 1, options: options.split(',') })
  }
  return mounts
}
