import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { dispatch, OptionError, type Result, run } from '../../src/index.js'
import { launcherFor } from '../../src/launcher/default-launcher.js'
import { findGroupHomes, groupHomes } from '../../src/process/cgroups/group-homes.js'
import { groupPlaces } from '../../src/process/cgroups/places.js'
import { TaskGroup } from '../../src/process/cgroups/task-group.js'
import { drover, resultsOf } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { startRecorded } from '../launcher/recorder.js'
import { FakeGroups } from './fake-groups.js'

const MIB = 2 ** 20
const OWN = '/user/drover.scope'
const FOLDER = `/groups${OWN}`
const ours = () => new Set([process.pid, 4_000_001])

describe('control groups of version 2', () => {
  it('are made where they were delegated: this process moves aside, and what there is is divided', () => {
    const files = new FakeGroups(OWN, 'cpu memory pids', [process.pid, 4_000_001])
    const homes = findGroupHomes(files, ours)
    expect(homes.memory).toEqual({ version: 2, folder: FOLDER })
    expect(homes.cpu).toEqual({ version: 2, folder: FOLDER })
    expect(homes.members).toEqual({ version: 2, folder: FOLDER })
    expect(files.read(`${FOLDER}/cgroup.procs`)).toBe('')
    const [aside] = files.folders(FOLDER)
    expect(aside).toMatch(new RegExp(`^drover-${process.pid}-.*self$`))
    expect(files.read(`${FOLDER}/${aside}/cgroup.procs`)).toBe(`${process.pid}\n4000001`)
  })

  it('are not divided when somebody else is in the group, who stays where he is', () => {
    const files = new FakeGroups(OWN, 'cpu memory', [process.pid, 1])
    const homes = findGroupHomes(files, ours)
    expect(homes).toMatchObject({ memory: null, cpu: null, members: { version: 2, folder: FOLDER } })
    expect(files.read(`${FOLDER}/cgroup.procs`)).toBe(`${process.pid}\n1`)
    expect(files.folders(FOLDER)).toEqual([])
  })

  it('are none where nothing can be written', () => {
    const files = new FakeGroups(OWN, 'cpu memory', [process.pid], true)
    expect(findGroupHomes(files, ours)).toEqual({ memory: null, cpu: null, members: null })
  })

  it('give what was delegated, and no more', () => {
    const files = new FakeGroups(OWN, 'memory', [process.pid])
    expect(findGroupHomes(files, ours)).toMatchObject({ memory: { version: 2 }, cpu: null })
  })

  it('have the limits of a task, and tell what became of it', () => {
    const files = new FakeGroups(OWN, 'cpu memory', [process.pid])
    const homes = findGroupHomes(files, ours)
    const group = new TaskGroup({ maxMemoryBytes: 5 * MIB, cpus: 0.25 }, homes, files)
    const [folder] = group.folders
    expect(group.folders).toHaveLength(1)
    expect(
      ['memory.max', 'memory.swap.max', 'memory.oom.group', 'cpu.max'].map((name) => files.read(`${folder}/${name}`)),
    ).toEqual(['5242880', '0', '1', '25000 100000'])
    files.files.set(`${folder}/memory.stat`, 'anon 100\nfile 5000\nshmem 20')
    files.files.set(`${folder}/cgroup.procs`, '4000001')
    expect(group.use()).toEqual({ bytes: 120, processes: 1 })
    expect(group.memoryExcess()).toBe(null)
    files.files.set(`${folder}/memory.peak`, '5242880')
    files.files.set(`${folder}/memory.events.local`, 'low 0\noom 1\noom_kill 1')
    expect(group.memoryExcess()).toMatchObject({
      code: 'ERR_DROVER_MEMORY',
      message: expect.stringContaining('5242880'),
    })
    expect(group.signal('SIGKILL')).toBe(1)
    expect(files.read(`${folder}/cgroup.kill`)).toBe('1')
    files.files.set(`${folder}/cgroup.procs`, '')
    group.remove()
    expect(files.folderNames).not.toContain(folder)
  })

  it('that a process left that is no more are removed', () => {
    const files = new FakeGroups(OWN, 'memory', [process.pid])
    files.makeFolder(`${FOLDER}/drover-4000002-abc-7`)
    files.makeFolder(`${FOLDER}/drover-1-abc-7`)
    findGroupHomes(files, ours)
    expect(files.folders(FOLDER).filter((name) => !name.endsWith('-self'))).toEqual(['drover-1-abc-7'])
  })

  it('leave nothing behind when one cannot be made', () => {
    const files = new FakeGroups(OWN, 'cpu memory', [process.pid])
    const homes = findGroupHomes(files, ours)
    const before = files.folderNames
    files.write = () => {
      throw Object.assign(new Error('no'), { code: 'EACCES' })
    }
    expect(() => new TaskGroup({ maxMemoryBytes: MIB, cpus: 0 }, homes, files)).toThrow(
      expect.objectContaining({ code: 'EACCES', message: expect.stringContaining('control group') }),
    )
    expect(files.folderNames).toEqual(before)
  })
})

describe('where a process is', () => {
  it('is told for each hierarchy, also in a container', () => {
    const files: Record<string, string> = {
      '/proc/self/cgroup': '4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc/below\n0::/\n',
      '/proc/self/mountinfo': [
        '31 20 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
        '32 20 0:28 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct',
        '33 20 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      ].join('\n'),
    }
    expect(groupPlaces((path) => files[path] ?? null)).toMatchObject([
      { version: 1, controllers: ['memory'], folder: '/sys/fs/cgroup/memory' },
      { version: 1, controllers: ['cpu', 'cpuacct'], folder: '/sys/fs/cgroup/cpu/below' },
      { version: 2, folder: '/sys/fs/cgroup/unified' },
    ])
  })
})

describe('the launcher', () => {
  const started = async (groups: string[]) => {
    const recorder = startRecorded(launcherFor('native'), { file: 'true', groups })
    await until('it is over', () => recorder.exit !== null || recorder.spawnError !== null)
    return recorder
  }

  it('writes a child into its groups, or tells why it could not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-groups-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'cgroup.procs'), '')
    }
    const groups = [join(folder, 'a'), join(folder, 'b')]
    expect((await started(groups)).exit).toMatchObject({ exitCode: 0 })
    expect(groups.map((group) => readFileSync(join(group, 'cgroup.procs'), 'utf8'))).toEqual(['0', '0'])
    expect((await started([...groups, join(folder, 'c')])).spawnError).toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining(`the control group ${join(folder, 'c')}`),
    })
  })
})

/** Of the machine that this runs on: what can be made is used, what cannot is refused or watched. */
describe('on this machine', () => {
  it('doctor tells by what each limit is kept', async () => {
    const { limits } = JSON.parse((await drover(['doctor', '--json'])).stdout)
    const { memory, cpu } = groupHomes()
    expect(limits).toEqual({
      maxMemoryBytes: memory === null ? 'watched' : `cgroup v${memory.version}`,
      maxProcesses: 'watched',
      maxCpuMs: 'kernel',
      maxFileSizeBytes: 'kernel',
      nice: 'kernel',
      cpus: cpu === null ? 'none' : `cgroup v${cpu.version}`,
    })
    const without = await drover(['doctor', '--json'], { env: { DROVER_CGROUPS: 'off' } })
    expect(JSON.parse(without.stdout).limits).toMatchObject({ maxMemoryBytes: 'watched', cpus: 'none' })
    expect((await drover(['doctor'])).stdout).toMatch(/limits +--max-memory +\S/)
  })

  it('a task that needs more memory than it may have ends alone, by watching as well as by groups', async () => {
    const hog = "python3 -c 'import time; x = bytearray(300 << 20); time.sleep(60)'"
    for (const env of [{}, { DROVER_CGROUPS: 'off' }] as Record<string, string>[]) {
      const end = await drover(['run', '--json', '-k', '--max-memory', '100M', ':::', 'echo 1', hog, 'echo 2'], {
        env,
      })
      const results = resultsOf(end)
      expect(results).toMatchObject([
        { state: 'succeeded', stdout: '1\n' },
        { state: 'killed', error: { code: 'ERR_DROVER_MEMORY' } },
        { state: 'succeeded', stdout: '2\n' },
      ])
      expect(results[1]!.maxRssBytes).toBeGreaterThan(95 * MIB)
    }
  })

  it('copies of files do not count where the kernel knows them from the rest', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-cache-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const result = await run(`dd if=/dev/zero of=${folder}/large bs=1M count=150 2>&1`, { maxMemoryBytes: 50 * MIB })
    expect(result).toMatchObject({ state: 'succeeded', error: null })
    expect(result.maxRssBytes).toBeLessThan(50 * MIB)
  })

  it('nothing is left of the groups, nor of a task that leaves its session behind', async () => {
    const seconds = uniqueSleep()
    const results: Result[] = []
    const tasks = [`setsid sleep ${seconds} & echo 1`, 'echo 2', 'exit 3']
    for await (const result of dispatch(tasks, { maxMemoryBytes: 100 * MIB, maxProcesses: 10 })) results.push(result)
    expect(results.map(({ state }) => state).sort()).toEqual(['failed', 'succeeded', 'succeeded'])
    await until('its session has ended', () => processesWith(seconds).length === 0)
    const { memory } = groupHomes()
    const left = () => (memory === null ? [] : groupNamesIn(memory.folder).filter((name) => !name.endsWith('self')))
    await until('the groups are gone', () => left().length === 0)
  })

  it('processor time is shared out, or refused before anything starts', async () => {
    if (groupHomes().cpu === null) {
      expect(() => dispatch([], { cpus: 0.5 })).toThrow(/control group/)
      return
    }
    const spin = "python3 -c 'import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass'"
    const slow = await run(spin, { cpus: 0.1 })
    // 0.1 of a second and a bit, where alone it would use all of it; a busy machine gives less, never more.
    expect(slow.cpuUserMs! + slow.cpuSystemMs!).toBeLessThan(400)
  })

  it('the node launcher has no groups: it watches, or refuses', async () => {
    expect(() => dispatch([], { cpus: 0.5, launcher: 'node' })).toThrow(/native launcher/)
    expect(() => dispatch([], { cpus: -1 })).toThrow(OptionError)
    expect(() => dispatch([], { cpus: Number.NaN })).toThrow(/cpus: expected/)
    const end = await drover(['run', '--cpus', 'many', 'true', ':::', '1'])
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain('--cpus: expected a number of CPUs')
  })
})

function groupNamesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith(`drover-${process.pid}-`))
}
