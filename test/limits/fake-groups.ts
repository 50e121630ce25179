import { dirname, join } from 'node:path'
import type { GroupFiles } from '../../src/process/cgroups/group-files.js'

/** The files of a folder of version 2, by the controllers that it was given. */
const FILES_OF: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  memory: {
    'memory.max': 'max',
    'memory.swap.max': 'max',
    'memory.oom.group': '0',
    'memory.peak': '0',
    'memory.stat': 'anon 0\nshmem 0',
    'memory.events.local': 'oom 0',
  },
  cpu: { 'cpu.max': 'max 100000' },
}

/** Control groups of version 2 with the kernel's rules for who may divide what: a group that has processes cannot. */
export class FakeGroups implements GroupFiles {
  readonly files = new Map<string, string>()
  readonly #folders = new Set<string>()
  readonly #readOnly: boolean

  /**
   * @param own - the group of this process, below `/groups`.
   * @param given - the controllers that it has.
   * @param members - the pids in it.
   */
  constructor(own: string, given: string, members: readonly number[], readOnly = false) {
    this.#readOnly = readOnly
    this.files.set('/proc/self/cgroup', `0::${own}\n`)
    this.files.set('/proc/self/mountinfo', '30 20 0:26 / /groups rw - cgroup2 cgroup2 rw\n')
    this.#add(join('/groups', own), given, members)
  }

  get folderNames(): string[] {
    return [...this.#folders]
  }

  read(path: string): string | null {
    return this.files.get(path) ?? null
  }

  write(path: string, text: string): void {
    if (this.#readOnly) throw errorOf('EROFS')
    if (!this.files.has(path)) throw errorOf('ENOENT')
    const folder = dirname(path)
    if (path.endsWith('cgroup.procs')) return this.#move(folder, text)
    if (path.endsWith('subtree_control')) return this.#divide(folder, text.slice(1))
    this.files.set(path, text)
  }

  makeFolder(path: string): void {
    if (this.#readOnly) throw errorOf('EROFS')
    if (this.#folders.has(path)) throw errorOf('EEXIST')
    this.#add(path, this.files.get(join(dirname(path), 'cgroup.subtree_control'))!, [])
  }

  removeFolder(path: string): void {
    if (!this.#folders.has(path)) throw errorOf('ENOENT')
    if (this.files.get(join(path, 'cgroup.procs')) !== '') throw errorOf('EBUSY')
    this.#folders.delete(path)
    for (const file of [...this.files.keys()]) if (dirname(file) === path) this.files.delete(file)
  }

  folders(path: string): string[] {
    return [...this.#folders]
      .filter((folder) => dirname(folder) === path)
      .map((folder) => folder.slice(path.length + 1))
  }

  #add(path: string, controllers: string, members: readonly number[]): void {
    this.#folders.add(path)
    const files = {
      'cgroup.controllers': controllers,
      'cgroup.subtree_control': '',
      'cgroup.procs': members.join('\n'),
      'cgroup.kill': '',
    }
    const more = controllers.split(' ').map((name) => FILES_OF[name] ?? {})
    for (const [name, text] of Object.entries(Object.assign(files, ...more)))
      this.files.set(join(path, name), text as string)
  }

  #move(folder: string, pid: string): void {
    if (Number(pid) <= 0) throw errorOf('EINVAL')
    for (const other of this.#folders) {
      const left = this.#members(other).filter((member) => member !== pid)
      this.files.set(join(other, 'cgroup.procs'), left.join('\n'))
    }
    this.files.set(join(folder, 'cgroup.procs'), [...this.#members(folder), pid].join('\n'))
  }

  #divide(folder: string, name: string): void {
    if (!this.files.get(join(folder, 'cgroup.controllers'))!.split(' ').includes(name)) throw errorOf('ENOENT')
    if (this.#members(folder).length > 0) throw errorOf('EBUSY')
    const path = join(folder, 'cgroup.subtree_control')
    this.files.set(path, `${this.files.get(path)} ${name}`.trim())
  }

  #members(folder: string): string[] {
    return this.files
      .get(join(folder, 'cgroup.procs'))!
      .split('\n')
      .filter((pid) => pid !== '')
  }
}

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code })
}
