import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Drover, drover, resultsOf } from '../helpers/drover.js'
import { isAlive, processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

/** Trees that are hard to end, as lines in which S stands for a number of seconds that is found again. */
const TREES: Readonly<Record<string, string>> = {
  'two sleeps': 'sleep S & sleep S',
  'one that ignores TERM': "trap '' TERM; echo ready; while :; do sleep S; done",
  'one that called setsid while its parent lives': 'setsid sh -c "trap \'\' TERM; sleep S" & wait',
  'a stopped one': 'sleep S & kill -STOP $!; wait',
}

describe('nothing is left running', () => {
  for (const [what, line] of Object.entries(TREES)) {
    it(`after a timeout: ${what}`, async () => {
      const seconds = uniqueSleep()
      const command = line.replaceAll('S', seconds)
      const end = await drover(['run', '--json', '--timeout', '700ms', '--kill-grace', '200ms'], {
        input: `${command}\n`,
      })
      expect(resultsOf(end)).toMatchObject([{ state: 'timed-out', error: { code: 'ERR_DROVER_TIMEOUT' } }])
      expect(processesWith(seconds)).toEqual([])
      expect(end.status).toBe(1)
    })

    it(`after Ctrl-C: ${what}`, async () => {
      const seconds = uniqueSleep()
      const command = line.replaceAll('S', seconds)
      const run = new Drover(['run', '--json', '--kill-grace', '200ms'], { input: `${command}\n` })
      await until('it runs', () => processesWith(`sleep ${seconds}`).length >= 1)
      run.process.kill('SIGINT')
      const end = await run.end
      expect(resultsOf(end)).toMatchObject([{ state: 'cancelled', error: { code: 'ERR_DROVER_SIGNAL' } }])
      expect(processesWith(seconds)).toEqual([])
      expect(end).toMatchObject({ signal: 'SIGINT' })
    })
  }

  it('of what a task leaves behind, and drover does not wait for it', async () => {
    const seconds = uniqueSleep()
    const end = await drover(['run', '--json'], { input: `sleep ${seconds} & setsid sleep ${seconds} & echo done\n` })
    expect(resultsOf(end)).toMatchObject([{ state: 'succeeded', stdout: 'done\n', pipeHeld: true, leftovers: 2 }])
    expect(processesWith(seconds)).toEqual([])
  })

  it('of what left its task without a trace, when the run ends', async () => {
    const seconds = uniqueSleep()
    await drover(['run'], { input: `(setsid sh -c 'sleep ${seconds} >/dev/null 2>&1 &')\n` })
    expect(processesWith(seconds)).toEqual([])
  })

  it('but for what is to be kept', async () => {
    const seconds = uniqueSleep()
    const end = await drover(['run', '--json', '--leftovers', 'keep'], {
      input: `sleep ${seconds} >/dev/null 2>&1 &\n`,
    })
    expect(resultsOf(end)).toMatchObject([{ state: 'succeeded', leftovers: 1 }])
    expect(processesWith(`sleep ${seconds}`)).toHaveLength(1)
    for (const pid of processesWith(`sleep ${seconds}`)) process.kill(pid, 'SIGKILL')
  })

  it('when leftovers are waited for, which are part of the task then', async () => {
    const end = await drover(['run', '--json', '--leftovers', 'wait'], {
      input: '(sleep 0.5; echo late) & echo early\n',
    })
    expect(resultsOf(end)).toMatchObject([{ state: 'succeeded', stdout: 'early\nlate\n', leftovers: 0 }])
  })
})

describe('signals', () => {
  it('INT: every started task has its result, waiting ones are skipped, the second one kills', async () => {
    const seconds = uniqueSleep()
    const line = `trap '' TERM; sleep ${seconds}; sleep ${seconds}`
    const args = ['run', '--json', '-j', '2', line, ':::', '1', '2', '3', '4']
    const run = new Drover(args, { input: '' })
    await until(
      'two run',
      () => processesWith(`sleep ${seconds}`).filter((pid) => commandOf(pid).startsWith('sleep')).length === 2,
    )
    run.process.kill('SIGINT')
    await until('it was heard', () => run.stderr.includes('a second one kills'))
    run.process.kill('SIGINT')
    const end = await run.end
    const states = resultsOf(end)
      .map((result) => result.state)
      .sort()
    expect(states).toEqual(['cancelled', 'cancelled', 'skipped', 'skipped'])
    expect(end.signal).toBe('SIGINT')
    expect(processesWith(seconds)).toEqual([])
  })

  it('TERM: drover dies of it when all has ended', async () => {
    const seconds = uniqueSleep()
    const run = new Drover(['run', 'sleep'], { input: `${seconds}\n` })
    await until('it runs', () => processesWith(seconds).length > 0)
    run.process.kill('SIGTERM')
    expect(await run.end).toMatchObject({ signal: 'SIGTERM' })
    expect(processesWith(seconds)).toEqual([])
  })

  it('HUP: finishes what runs and starts nothing more', async () => {
    const seconds = uniqueSleep()
    const run = new Drover(['run', '-j', '1', `sleep ${seconds} & echo {}; wait`, ':::', 'a', 'b'], { input: '' })
    await until('one runs', () => processesWith(`sleep ${seconds}`).length > 0)
    run.process.kill('SIGHUP')
    await until('it was heard', () => run.stderr.includes('nothing more is started'))
    for (const pid of processesWith(`sleep ${seconds}`))
      if (commandOf(pid).startsWith('sleep')) process.kill(pid, 'SIGTERM')
    expect(await run.end).toMatchObject({ signal: 'SIGHUP', stdout: 'a\n' })
  })

  it('USR1 and USR2: one job more, one less', async () => {
    const seconds = uniqueSleep()
    const running = () => processesWith(`sleep ${seconds}`).length
    const run = new Drover(['run', '-j', '1', 'exec sleep', ':::', ...Array(4).fill(seconds)], { input: '' })
    await until('one runs', () => running() === 1)
    run.process.kill('SIGUSR1')
    await until('two run', () => running() === 2)
    run.process.kill('SIGUSR2')
    await until('it was heard', () => run.stderr.includes('1 job at once'))
    process.kill(processesWith(`sleep ${seconds}`)[0]!, 'SIGKILL')
    await until(
      'one has ended, and none took its place',
      () => run.stderr.includes('died of SIGKILL') && running() === 1,
    )
    run.process.kill('SIGINT')
    await run.end
  })

  it('TSTP and CONT: stops with all its tasks and goes on; timeouts stand still', async () => {
    const run = new Drover(
      ['run', '--line-buffer', '--timeout', '3s', 'echo $$; sleep 1.5; echo end; : {}', ':::', 'x'],
      { input: '' },
    )
    await until('it runs', () => run.stdout !== '')
    const task = Number(run.stdout)
    run.process.kill('SIGTSTP')
    await until('both are stopped', () => stateOf(task) === 'T' && stateOf(run.process.pid!) === 'T')
    execFileSync('sleep', ['3.2'])
    run.process.kill('SIGCONT')
    expect(await run.end).toMatchObject({ status: 0, stdout: `${task}\nend\n` })
  })
})

describe('exit status', () => {
  it('counts what failed, up to 101', async () => {
    expect((await drover(['run', 'exit {}', ':::', '0', '1', '2'])).status).toBe(2)
    const many = Array.from({ length: 102 }, () => '1')
    expect((await drover(['run', 'exit', ':::', ...many])).status).toBe(101)
    expect((await drover(['run', 'exit', ':::', ...many.slice(2)])).status).toBe(100)
  })

  it('is 0 when the run was halted by a success', async () => {
    const end = await drover(['run', '-j', '1', '--halt', 'now,success=1', '--json', 'exit', ':::', '1', '0', '1', '1'])
    expect(end.status).toBe(0)
    expect(resultsOf(end).map((result) => result.state)).toEqual(['failed', 'succeeded', 'skipped', 'skipped'])
  })

  it('halts on failures, now and soon, by number and percentage', async () => {
    const halted = async (...args: string[]) =>
      resultsOf(await drover(['run', '-k', '-j', '1', '--json', ...args, 'exit', ':::', '1', '0', '1', '1', '0'])).map(
        (result) => result.state,
      )
    expect(await halted('--halt', 'soon,fail=2')).toEqual(['failed', 'succeeded', 'failed', 'skipped', 'skipped'])
    expect(await halted('--halt', 'now,done=40%')).toEqual(['failed', 'succeeded', 'skipped', 'skipped', 'skipped'])
    expect(await halted('--halt', 'never')).toHaveLength(5)
  })

  it('is not 0 when the run was ended early', async () => {
    const end = await drover(['run', '-j', '1', '--total-timeout', '200ms', 'sleep', ':::', '600', '1'])
    expect(end).toMatchObject({ status: 1, stderr: expect.stringContaining('cancelled') })
  })

  it('is 102 when output cannot be written, with a word about it', async () => {
    for (const args of [['echo'], ['--json', 'echo'], ['--dry-run', 'echo'], ['-k', '--line-buffer', 'echo']]) {
      const line = `"${process.execPath}" bin/drover.cjs run ${args.join(' ')} ::: a >/dev/full`
      const { status, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
      expect([status, stderr], args.join(' ')).toEqual([102, expect.stringMatching(/standard output.*no space left/)])
    }
  })

  it('is 255 when --tmpdir is no folder, and nothing was started', async () => {
    const end = await drover(['run', '--tmpdir', '/nonexistent/folder', 'echo', ':::', 'x'])
    expect(end).toMatchObject({
      status: 255,
      stdout: '',
      stderr: expect.stringMatching(/--tmpdir: .*cannot be used: no such file/),
    })
  })
})

it('can be ended though nobody reads its output', async () => {
  const seconds = uniqueSleep()
  const run = new Drover(['run', '-j', '2', `yes | head -c 3000000; sleep ${seconds}`, ':::', '1', '2'], {
    input: '',
    paused: true,
  })
  await until('both run', () => processesWith(`sleep ${seconds}`).length >= 2)
  run.process.kill('SIGINT')
  await until('the first signal has ended the tasks', () => processesWith(seconds).length === 0)
  run.process.kill('SIGINT')
  expect(await run.exit).toEqual([null, 'SIGINT'])
})

it('tries again, and says which attempt it was', async () => {
  const end = await drover([
    'run',
    '--json',
    '--retries',
    '3',
    '--backoff',
    '1ms',
    'test $(echo x >> {}; wc -l < {}) -ge 3',
    ':::',
    `/tmp/drover-${uniqueSleep()}`,
  ])
  expect(resultsOf(end)).toMatchObject([{ state: 'succeeded', attempt: 3, attempts: 4 }])
})

it('gives each start that fails its result, and goes on', async () => {
  const tasks = [
    { command: 'drover-no-such-program', args: [] },
    { command: '/etc/passwd', args: [] },
    { command: 'true', args: [], cwd: '/nonexistent' },
    { command: 'true', args: ['x'.repeat(200_000)] },
    { command: 'echo fine' },
  ]
  const end = await drover(['run', '-k', '--json', '--tasks', '-'], {
    input: tasks.map((task) => JSON.stringify(task)).join('\n'),
  })
  expect(resultsOf(end).map(({ state, error }) => [state, error?.code])).toEqual([
    ['spawn-failed', 'ENOENT'],
    ['spawn-failed', 'EACCES'],
    ['spawn-failed', 'ENOENT'],
    ['spawn-failed', 'E2BIG'],
    ['succeeded', undefined],
  ])
  expect(end.status).toBe(4)
})

it('makes do with 64 descriptors for 100 jobs', { timeout: 90_000 }, async () => {
  const { execPath } = process
  const end = await drover([
    'run',
    '--json',
    `ulimit -n 64; exec "${execPath}" bin/drover.cjs run -j 100 --json 'sleep 0.1; echo {}' ::: $(seq 200); : {}`,
    ':::',
    'x',
  ])
  const [outer] = resultsOf(end)
  const inner = resultsOf({ stdout: outer!.stdout })
  expect(inner.map((result) => result.state)).toEqual(Array(200).fill('succeeded'))
  expect(new Set(inner.map((result) => result.stdout)).size).toBe(200)
})

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
}

function stateOf(pid: number): string {
  if (!isAlive(pid)) return 'gone'
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2)[0]!
}
