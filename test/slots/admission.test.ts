import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkDispatchOptions } from '../../src/dispatch/dispatch-options.js'
import { EntryMaker } from '../../src/dispatch/entry-maker.js'
import { Scheduler } from '../../src/dispatch/scheduler.js'
import { dispatch, OptionError, type Result } from '../../src/index.js'
import { Admission } from '../../src/slots/admission/admission.js'
import { availableOf, lookAtMachine, pressureOf, runnableOf } from '../../src/slots/admission/machine.js'
import { LoadPolicy, MemoryPolicy, PressurePolicy, type Sample } from '../../src/slots/admission/policies.js'
import type { SlotContext } from '../../src/slots/slot-source.js'
import { quotaCpus } from '../../src/slots/usable-cpus.js'
import { drover } from '../helpers/drover.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { finish, named, nameOf } from '../helpers/fake-tasks.js'
import { until } from '../helpers/until.js'

const sample = (given: Partial<Sample>): Sample => ({ runnable: null, availableBytes: null, pressure: null, ...given })

describe('policies', () => {
  it('load: as many as there is room for, by the average of four looks', () => {
    const policy = new LoadPolicy(4)
    expect([0, 4, 8, 8, 8, 0, 0, 0].map((runnable) => policy.decide(sample({ runnable })))).toEqual([
      4, 2, 0, 0, 0, 0, 0, 2,
    ])
  })

  it('memory: one, none, or the youngest makes way', () => {
    const policy = new MemoryPolicy(100)
    expect([200, 100, 99, 50, 49].map((availableBytes) => policy.decide(sample({ availableBytes })))).toEqual([
      1,
      1,
      0,
      0,
      'shed',
    ])
  })

  it('pressure: one while all are below', () => {
    const policy = new PressurePolicy({ cpu: 50, io: 10 })
    const decide = (cpu: number, memory: number, io: number) => policy.decide(sample({ pressure: { cpu, memory, io } }))
    expect([decide(49, 99, 9), decide(50, 0, 0), decide(0, 0, 10), decide(0, 0, 0)]).toEqual([1, 0, 0, 1])
  })
})

describe('what is seen of the machine', () => {
  it('is read from what the kernel tells', () => {
    expect(runnableOf('0.20 0.18 0.12 3/80 11206\n')).toBe(2)
    expect(runnableOf('')).toBe(0)
    expect(availableOf('MemTotal: 9 kB\nMemAvailable:    2048 kB\n')).toBe(2_097_152)
    expect(availableOf('MemTotal: 9 kB\n')).toBeNull()
    expect(
      pressureOf('some avg10=1.53 avg60=0.87 avg300=0.30 total=1\nfull avg10=9.00 avg60=0 avg300=0 total=0\n'),
    ).toBe(1.53)
    expect(pressureOf('')).toBe(0)
  })

  it('is something here', () => {
    const seen = lookAtMachine({ runnable: true, availableBytes: true, pressure: true })
    expect(seen.availableBytes).toBeGreaterThan(2 ** 20)
    expect(seen.runnable).toBeGreaterThanOrEqual(0)
  })
})

describe('the CPUs that control groups allow', () => {
  const V2 = '25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n'
  const V1 =
    '30 1 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 1 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n'

  it.each<[string, Record<string, string>, number]>([
    ['none are named', {}, Infinity],
    [
      'v2, no limit',
      { '/proc/self/cgroup': '0::/a\n', '/proc/self/mountinfo': V2, '/sys/fs/cgroup/a/cpu.max': 'max 100000\n' },
      Infinity,
    ],
    [
      'v2, one and a half',
      { '/proc/self/cgroup': '0::/a\n', '/proc/self/mountinfo': V2, '/sys/fs/cgroup/a/cpu.max': '150000 100000\n' },
      1.5,
    ],
    [
      'v2, the strictest on the way up',
      {
        '/proc/self/cgroup': '0::/a/b/c\n',
        '/proc/self/mountinfo': V2,
        '/sys/fs/cgroup/a/b/c/cpu.max': 'max 100000\n',
        '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
        '/sys/fs/cgroup/a/cpu.max': '200000 100000\n',
      },
      2,
    ],
    [
      'v2, in a container that sees its group as the root',
      { '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': V2, '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
      0.5,
    ],
    [
      'v1, whose group is the root of the mount',
      {
        '/proc/self/cgroup': '4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n',
        '/proc/self/mountinfo': V1.replace('0:26 /', '0:26 /docker/x'),
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      3,
    ],
    [
      'v1, no limit, beside an empty v2',
      {
        '/proc/self/cgroup': '3:cpu,cpuacct:/\n0::/\n',
        '/proc/self/mountinfo': V1 + V2,
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      Infinity,
    ],
  ])('%s', (_what, files, cpus) => {
    expect(quotaCpus((path) => files[path] ?? null)).toBe(cpus)
  })
})

describe('admission', () => {
  let seen: Sample
  let changes: number
  let shed: string[]
  let admission: Admission
  beforeEach(() => {
    seen = sample({ availableBytes: 100 })
    changes = 0
    shed = []
    const context = {
      onChange: () => {
        changes += 1
      },
      shed: ({ code }: { code: string }) => {
        shed.push(code)
        return true
      },
      onWarning() {},
    } as unknown as SlotContext
    admission = new Admission([new MemoryPolicy(100)], () => seen, context, 5)
  })
  afterEach(() => admission.rest())

  it('lets one through a look, and tells when there may be another', async () => {
    expect(admission.take()).not.toBeNull()
    expect(admission.take()).toBeNull()
    await until('another may start', () => changes > 0)
    expect(admission.take()).not.toBeNull()
  })

  it('lets nothing through while something is missing', async () => {
    seen = sample({ availableBytes: 60 })
    expect(admission.take()).toBeNull()
    seen = sample({ availableBytes: 40 })
    await until('the youngest is to make way', () => shed.length > 0)
    expect(shed[0]).toBe('ERR_DROVER_MEMFREE')
    expect(changes).toBe(0)
    seen = sample({ availableBytes: 500 })
    await until('it is better', () => changes > 0)
    expect(admission.take()).not.toBeNull()
  })
})

describe('a task that makes way', () => {
  const MAKE_WAY = { code: 'ERR_DROVER_MEMFREE', message: 'too little' }
  /** Three tasks that run, and what may tell one of them to make way. */
  const threeRunning = async (retries = 0) => {
    const launcher = new FakeLauncher()
    const attempts: string[] = []
    const results: Result[] = []
    let context!: SlotContext
    const source = (given: SlotContext) => {
      context = given
      return { take: () => ({ release() {} }), unwanted() {}, rest: async () => {} }
    }
    const options = {
      ...checkDispatchOptions({ concurrency: 3, launcher, retries, backoffMs: 0 }),
      slotSources: [source],
    }
    const scheduler = new Scheduler(options, {
      origin: null,
      wantMore: () => false,
      exhausted: true,
      allRead: true,
      total: null,
      hasRoom: () => true,
      lookahead: 0,
      announce: (_entry, result) => void results.push(result),
      onStart() {},
      onAttempt: ({ state, error, attempt }) => void attempts.push(`${state} ${error?.code} ${attempt}`),
      onIdle() {},
    })
    const maker = new EntryMaker(options)
    for (const name of ['a', 'b', 'c']) scheduler.enqueue(maker.make(named(name)))
    await until('all run', () => launcher.running === 3)
    for (const child of launcher.children) child.spawn()
    return { launcher, attempts, results, context }
  }

  it('is the youngest but never the oldest, is queued again, and loses none of its tries', async () => {
    const { launcher, attempts, results, context } = await threeRunning()
    expect(context.shed(MAKE_WAY)).toBe(true)
    await until('it runs again', () => launcher.children.length === 4)
    expect(nameOf(launcher.children[3]!)).toBe('c')
    expect(attempts).toEqual(['cancelled ERR_DROVER_MEMFREE 1'])
    launcher.children[3]!.spawn()
    for (const name of ['a', 'b', 'c']) finish(launcher, name)
    await until('all are done', () => results.length === 3)
    expect(
      results.every(({ state, attempt, attempts: allowed }) => state === 'succeeded' && attempt === 1 && allowed === 1),
    ).toBe(true)
    expect(context.shed({ code: 'x', message: 'nobody is there' })).toBe(false)
  })

  it('and had just failed by itself is tried again, and may have to make way then', async () => {
    const { launcher, attempts, context } = await threeRunning(1)
    const third = launcher.children[2]!
    third.exit({ exitCode: 1, held: true })
    expect(context.shed(MAKE_WAY)).toBe(true)
    for (const stream of ['stdout', 'stderr'] as const) third.endOutput(stream)
    await until('it is tried again', () => launcher.children.length === 4)
    expect(attempts).toEqual(['failed undefined 1'])
    const again = launcher.children[3]!
    again.spawn()
    expect(context.shed(MAKE_WAY)).toBe(true)
    await until('it has made way', () => launcher.children.length === 5)
    expect(nameOf(launcher.children[4]!)).toBe('c')
    expect(launcher.children[1]!.signals).toEqual([])
    expect(again.signals).toContain('SIGKILL')
  })
})

describe('the options', () => {
  it('let run what may run', async () => {
    const summary = await dispatch(['true', 'true'], { maxLoad: 1e6, minFreeBytes: 1024, maxPressure: 100 }).summary()
    expect(summary.byState.succeeded).toBe(2)
    const end = await drover([
      'run',
      '--load',
      '10000%',
      '--memfree',
      '1K',
      '--pressure',
      'cpu=100,io=100',
      'echo',
      ':::',
      '1',
    ])
    expect(end).toMatchObject({ status: 0, stdout: '1\n' })
  })

  it('let nothing run while it may not', async () => {
    const run = dispatch(['true'], { minFreeBytes: 1e18, totalTimeoutMs: 300 })
    expect((await run.summary()).byState).toMatchObject({ skipped: 1 })
  })

  it('are checked', async () => {
    for (const options of [
      { maxLoad: 0 },
      { minFreeBytes: -1 },
      { maxPressure: 101 },
      { maxPressure: { disk: 1 } as never },
    ]) {
      expect(() => dispatch([], options)).toThrow(OptionError)
    }
    for (const words of [
      ['--load', 'x'],
      ['--load', '0'],
      ['--memfree', 'much'],
      ['--pressure', '0'],
      ['--pressure', 'disk=5'],
    ]) {
      expect(await drover(['run', ...words, 'echo', ':::', '1'])).toMatchObject({ status: 255, stdout: '' })
    }
  })
})
