import { expect, it } from 'vitest'
import { Drover, drover, resultsOf } from '../helpers/drover.js'
import { until } from '../helpers/until.js'

const NUMBERS = Array.from({ length: 5_000 }, (_, n) => String(n + 1))

it('prints a line for each of 5,000 items, none lost and none mixed', { timeout: 90_000 }, async () => {
  const end = await drover(['run', '-j', '8', 'echo {}'], { input: `${NUMBERS.join('\n')}\n` })
  expect(end).toMatchObject({ status: 0, stderr: '' })
  expect(
    end.stdout
      .trimEnd()
      .split('\n')
      .sort((a, b) => Number(a) - Number(b)),
  ).toEqual(NUMBERS)
})

it('prints them in order with -k', { timeout: 90_000 }, async () => {
  const numbers = NUMBERS.slice(0, 1_500)
  const end = await drover(['run', '-k', '-j', '8', 'echo {}'], { input: numbers.join('\n') })
  expect(end.stdout).toBe(`${numbers.join('\n')}\n`)
})

it('keeps the output of a task together, stdout apart from stderr', async () => {
  const line = 'for n in 1 2 3; do echo {}$n; echo {}e$n >&2; sleep 0.0{}; done'
  const end = await drover(['run', '-j', '3', line, ':::', '1', '2', '3'])
  const groups = end.stdout
    .trimEnd()
    .split('\n')
    .map((text) => text[0])
  expect(groups.filter((item, place) => item !== groups[place - 1])).toHaveLength(3)
  expect(end.stderr.trimEnd().split('\n').sort()).toEqual([
    '1e1',
    '1e2',
    '1e3',
    '2e1',
    '2e2',
    '2e3',
    '3e1',
    '3e2',
    '3e3',
  ])
})

it('passes bytes through as they are', async () => {
  const run = new Drover(['run', "printf 'a\\000\\377b'", ':::', 'x'], { input: '' })
  await run.end
  expect(run.bytes).toEqual(Buffer.from([0x61, 0, 0xff, 0x62]))
})

it('puts the item in front of each line with --tag', async () => {
  const end = await drover(['run', '-k', '--tag', 'printf "1\\n2"; : {}', ':::', 'a', 'b'])
  expect(end.stdout).toBe('a\t1\na\t2\nb\t1\nb\t2\n')
})

it('prints whole lines as they come with --line-buffer', async () => {
  const run = new Drover(['run', '-j', '2', '--line-buffer', 'echo {}; sleep 600', ':::', 'a', 'b'], { input: '' })
  await until('both lines are there', () => run.stdout.length === 4)
  expect(run.stdout.trimEnd().split('\n').sort()).toEqual(['a', 'b'])
  run.process.kill('SIGINT')
  await run.end
})

it('lets tasks write for themselves with --ungroup', async () => {
  const run = new Drover(['run', '--ungroup', 'printf half; sleep 600', ':::', 'x'], { input: '' })
  await until('half a line is there', () => run.stdout === 'half')
  run.process.kill('SIGINT')
  await run.end
})

it('prints results as JSON lines, and as one array', async () => {
  const lines = await drover(['run', '--json', '-k', 'echo {}; exit {}', ':::', '0', '3'])
  expect(resultsOf(lines)).toMatchObject([
    { type: 'result', index: 0, state: 'succeeded', stdout: '0\n', exitCode: 0, id: null },
    { type: 'result', index: 1, state: 'failed', stdout: '3\n', exitCode: 3 },
  ])
  expect(lines.status).toBe(1)
  const array = await drover(['run', '--json-array', 'echo {}', ':::', 'a', 'b', 'c'])
  expect(
    JSON.parse(array.stdout)
      .map((result: { stdout: string }) => result.stdout)
      .sort(),
  ).toEqual(['a\n', 'b\n', 'c\n'])
  expect(await drover(['run', '--json-array', 'echo {}'])).toMatchObject({ stdout: '[]\n', status: 0 })
})

it('keeps the beginning and the end of what a result cannot hold', async () => {
  const [result] = resultsOf(await drover(['run', '--json', '--max-output', '10', 'seq 1000; : {}', ':::', 'x']))
  expect(result).toMatchObject({ stdout: '1\n2\n31000\n', truncated: true, stdoutBytes: 3893 })
})

it('prints only the last attempt of a task that is retried', async () => {
  const end = await drover(['run', '--retries', '2', '--backoff', '1ms', 'echo try; exit 1', ':::', 'x'])
  expect(end).toMatchObject({ stdout: 'try\n', status: 1 })
})

it('shows commands and starts nothing with --dry-run', async () => {
  const end = await drover(['run', '--dry-run', 'touch {}; exit 3', ':::', '/nonexistent/$(id)', 'b'])
  expect(end).toMatchObject({ stdout: "touch '/nonexistent/$(id)'; exit 3\ntouch 'b'; exit 3\n", status: 0 })
  const program = await drover(['run', '--dry-run', 'touch', '-x', ':::', "it's", 'b'])
  expect(program.stdout).toBe("touch -x 'it'\\''s'\ntouch -x b\n")
})

it('dies of SIGPIPE and ends its tasks when its reader leaves', async () => {
  // The second one stays; the others go on printing until it shows that nobody reads.
  const input = Array.from({ length: 1_000 }, (_, n) => `${n + 1}\n`).join('')
  const run = new Drover(['run', '-j', '2', 'echo {}; test {} -ne 2 || sleep 600; sleep 0.02'], { input })
  run.process.stdout.once('data', () => run.process.stdout.destroy())
  const end = await run.end
  expect(end.signal ?? end.status).toBe('SIGPIPE')
})

it('says on stderr what went wrong, and nothing with --quiet', async () => {
  const args = ['run', '-k', 'no-such-program', '{}', ':::', 'a']
  const loud = await drover(args)
  expect(loud.stderr).toContain('there is no program no-such-program on the PATH')
  expect(loud.stderr).toContain('1 spawn-failed')
  expect(await drover([...args.slice(0, 2), '--quiet', ...args.slice(2)])).toMatchObject({ stderr: '', status: 1 })
})

it('tells of each start and end with --verbose', async () => {
  const { stderr } = await drover(['run', '--verbose', '-j', '1', 'true', ':::', 'a'])
  expect(stderr).toMatch(/task 1 starts: true 'a'\n.*task 1 .*succeeded/s)
})
