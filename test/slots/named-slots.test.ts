import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Drover, type DroverEnd, drover, resultsOf } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { Leaves } from './leaves.js'

let folder: string
let env: Record<string, string>
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-named-'))
  chmodSync(folder, 0o700)
  env = { XDG_RUNTIME_DIR: folder }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const call = (...args: string[]): Promise<DroverEnd> => drover(args, { env })
const start = (...args: string[]): Drover => new Drover(args, { env })
const items = (count: number) => Array.from({ length: count }, (_, n) => String(n + 1))
const task = (command: string) => `${command}; : {}`

interface State {
  readonly name: string
  readonly limit: number
  readonly isSet: boolean
  readonly holders: { pid: number; label: string }[]
  readonly waiting: { pid: number }[]
}
async function slots(): Promise<State[]> {
  return JSON.parse((await call('slots', '--json')).stdout)
}

/** Numbers that look random and are the same each time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

describe('named slots', () => {
  it('are one limit for unrelated runs, some of which are killed: never more at once, none lost, all others finish', async () => {
    await call('slots', 'set', 'shared', '3')
    const leaves = new Leaves(folder)
    const draw = randomNumbers(42)
    const runs = items(10).map(() =>
      start('run', '--slots', 'shared', '-j', '4', '--json', task(leaves.command(0.01)), ':::', ...items(100)),
    )
    const killed = new Set([1, 4, 8].map((n) => runs[n]!))
    for (const run of killed) {
      const done = 1 + draw(20)
      await until('it has begun', () => run.stdout.split('\n').length > done, 60_000)
      run.process.kill('SIGKILL')
    }
    const ends = await Promise.all(runs.filter((run) => !killed.has(run)).map((run) => run.end))
    for (const end of ends) {
      expect(end.status).toBe(0)
      expect(resultsOf(end).filter(({ state }) => state === 'succeeded')).toHaveLength(100)
    }
    const { count, most } = leaves.overlap()
    expect(count).toBeGreaterThanOrEqual(700)
    expect(most).toBe(3)
    // All three can still be had at once.
    const after = new Leaves(folder)
    await call('run', '--slots', 'shared', '-j', '8', task(after.command(0.3)), ':::', ...items(6))
    expect(after.overlap()).toMatchObject({ count: 6, most: 3 })
    expect(await slots()).toMatchObject([{ name: 'shared', limit: 3, holders: [], waiting: [] }])
  }, 120_000)

  it('hold when they change hands again and again', async () => {
    await call('slots', 'set', 'busy', '3')
    const leaves = new Leaves(folder)
    const words = [
      'run',
      '--slots',
      'busy',
      '-j',
      '3',
      '--jobserver',
      'off',
      task(leaves.command(0)),
      ':::',
      ...items(400),
    ]
    const ends = await Promise.all([call(...words), call(...words), call(...words)])
    expect(ends.map(({ status }) => status)).toEqual([0, 0, 0])
    expect(leaves.overlap().count).toBe(1_200)
    expect(leaves.overlap().most).toBeLessThanOrEqual(3)
  }, 120_000)

  it('go to whoever waits, also while others always want more', async () => {
    await call('slots', 'set', 'greedy', '1')
    const greedy = [1, 2].map(() => start('run', '--slots', 'greedy', task('sleep 0.02'), ':::', ...items(2_000)))
    await until('both are there', async () => {
      const [state] = await slots()
      return state!.holders.length + state!.waiting.length >= 2
    })
    const late = await call('slots', 'run', 'greedy', 'echo', 'my turn')
    expect(late).toMatchObject({ status: 0, stdout: 'my turn\n' })
    for (const run of greedy) run.process.kill('SIGTERM')
    await Promise.all(greedy.map((run) => run.end))
  }, 60_000)

  it('of a run that is killed are free when its last process is gone, and not before', async () => {
    await call('slots', 'set', 'one', '1')
    const seconds = uniqueSleep()
    // What it starts ignores all that can be ignored, and is in a session of its own.
    const run = start(
      'run',
      '--slots',
      'one',
      `setsid sh -c "trap '' TERM HUP INT; sleep ${seconds}" & wait; : {}`,
      ':::',
      '1',
    )
    await until('it runs', () => processesWith(`sleep ${seconds}`).length > 0)
    const next = start('slots', 'run', 'one', `pgrep -fc '^sleep ${seconds}'; true`)
    await until('the next one waits', async () => (await slots())[0]!.waiting.length === 1)
    run.process.kill('SIGKILL')
    expect(await next.end).toMatchObject({ status: 0, stdout: '0\n' })
  })

  it('are taken as many as a task weighs, all or none, and nobody overtakes for ever', async () => {
    await call('slots', 'set', 'heavy', '3')
    const leaves = new Leaves(folder)
    const file = join(folder, 'tasks.jsonl')
    const tasks = [3, 1, 2, 3, 9].map((weight) => JSON.stringify({ command: leaves.command(0.05), weight }))
    const light = start('run', '--slots', 'heavy', '-j', '2', task(leaves.command(0.05)), ':::', ...items(20))
    const heavy = new Drover(['run', '--slots', 'heavy', '-j', '9', '--tasks', '-'], { env, input: tasks.join('\n') })
    expect((await heavy.end).status).toBe(0)
    expect((await light.end).status).toBe(0)
    expect(leaves.overlap().count).toBe(25)
    expect(leaves.overlap().most).toBeLessThanOrEqual(3)
    expect(existsSync(file)).toBe(false)
  })

  it('follow a limit that is changed', async () => {
    await call('slots', 'set', 'changing', '0')
    const leaves = new Leaves(folder)
    const run = start('run', '--slots', 'changing', '-j', '8', task(leaves.command(0.2)), ':::', ...items(12))
    await until('it waits', async () => (await slots())[0]?.waiting.length === 1)
    expect(await slots()).toMatchObject([{ name: 'changing', limit: 0, isSet: true, holders: [] }])
    await call('slots', 'set', 'changing', '4')
    expect((await run.end).status).toBe(0)
    expect(leaves.overlap()).toMatchObject({ count: 12, most: 4 })
  })

  it('together with a jobserver let all start that may', async () => {
    await call('slots', 'set', 'both', '2')
    const leaves = new Leaves(folder)
    const words = ['run', '--slots', 'both', '-j', '6', task(leaves.command(0.4)), ':::', ...items(5)]
    const [one, other] = await Promise.all([call(...words), call(...words)])
    expect([one.status, other.status]).toEqual([0, 0])
    expect(leaves.overlap()).toMatchObject({ count: 10, most: 2 })
    expect(leaves.overlap().mean).toBeGreaterThan(1.4)
  })
})

describe('drover slots', () => {
  it('shows who holds and who waits', async () => {
    await call('slots', 'set', 'seen', '1')
    const seconds = uniqueSleep()
    const run = start('run', '--slots', 'seen', '-j', '2', task(`sleep ${seconds}`), ':::', '1', '2')
    await until('one holds and one waits', async () => {
      const [state] = await slots()
      return state?.holders.length === 1 && state.waiting.length === 1
    })
    const [state] = await slots()
    expect(state).toMatchObject({ name: 'seen', limit: 1, isSet: true })
    expect(state!.holders[0]).toMatchObject({ pid: run.process.pid })
    expect(state!.holders[0]!.label).toContain('--slots seen')
    const table = await call('slots')
    expect(table.stdout).toMatch(/^seen: 1 of 1 in use, 1 waiting\n {2}holds +\d+ .*\n {2}waits +\d+ .*\n$/)
    expect(await call('slots', 'rm', 'seen')).toMatchObject({ status: 102 })
    run.process.kill('SIGINT')
    await run.end
    expect(await slots()).toMatchObject([{ holders: [], waiting: [] }])
    expect(await call('slots', 'rm', 'seen')).toMatchObject({ status: 0 })
    expect(await slots()).toEqual([])
  })

  it('run hands on input, output and status', async () => {
    const words = ['slots', 'run', 'sem', 'cat; echo error >&2; exit 5']
    expect(await drover(words, { env, input: 'given' })).toMatchObject({
      status: 5,
      stdout: 'given',
      stderr: 'error\n',
    })
    expect(await call('slots', 'run', 'sem', '--', 'printf', '%s-', 'a b', '$(x)')).toMatchObject({
      stdout: 'a b-$(x)-',
    })
    expect(await call('slots', 'run', 'sem', 'kill -KILL $$')).toMatchObject({ signal: 'SIGKILL' })
    expect(await call('slots', 'run', 'sem', '/nonexistent', '-x')).toMatchObject({ status: 127 })
  })

  it('run gives up when it has waited long enough, and ends what it started when it is told to', async () => {
    await call('slots', 'set', 'none', '0')
    const late = await call('slots', 'run', '--timeout', '200ms', 'none', 'echo', 'never')
    expect(late).toMatchObject({ status: 75, stdout: '' })
    expect(late.stderr).toContain('no slot was free in time')
    const seconds = uniqueSleep()
    const run = start('slots', 'run', 'free', `sleep ${seconds}`)
    await until('it runs', () => processesWith(`sleep ${seconds}`).length > 0)
    run.process.kill('SIGTERM')
    expect((await run.end).signal).toBe('SIGTERM')
    expect(processesWith(seconds)).toEqual([])
  })

  it.each([
    [['set', '../up', '1'], '../up'],
    [['set', '.hidden', '1'], '.hidden'],
    [['set', '', '1'], 'name'],
    [['set', 'x', 'many'], 'many'],
    [['set', 'x', '5000'], '4096'],
    [['set', 'x'], 'N'],
    [['run', 'x'], 'COMMAND'],
    [['run', '--timeout', '0', 'x', 'true'], '--timeout'],
    [['rm', 'a/b'], 'a/b'],
  ])('refuses %j', async (words, said) => {
    const end = await call('slots', ...words)
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain(said)
  })

  it('and --slots refuse what is no name, another launcher, and folders that cannot be trusted', async () => {
    expect(await call('run', '--slots', 'a b', 'true', ':::', '1')).toMatchObject({ status: 255 })
    const node = await call('run', '--launcher', 'node', '--slots', 'x', 'true', ':::', '1')
    expect(node).toMatchObject({ status: 255 })
    expect(node.stderr).toContain('native launcher')
    const elsewhere = mkdtempSync(join(tmpdir(), 'drover-elsewhere-'))
    try {
      symlinkSync(elsewhere, join(folder, 'drover'))
      expect(await call('run', '--slots', 'x', 'true', ':::', '1')).toMatchObject({ status: 102 })
      rmSync(join(folder, 'drover'))
      mkdirSync(join(folder, 'drover'), { mode: 0o777 })
      chmodSync(join(folder, 'drover'), 0o777)
      const open = await call('run', '--slots', 'x', 'true', ':::', '1')
      expect(open).toMatchObject({ status: 102 })
      expect(open.stderr).toContain("is not a folder of this user's alone")
    } finally {
      rmSync(elsewhere, { recursive: true, force: true })
    }
  })
})
