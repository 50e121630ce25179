import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { drover } from '../helpers/drover.js'

const NO_CI = { CI: '', GITHUB_ACTIONS: '' }
const TASKS = [
  'run',
  '-j',
  '3',
  'sleep {}; test {} = 0.1 || { echo "no $((1 + 1))" >&2; exit 3; }',
  ':::',
  '0.1',
  '2.2',
  '0.2',
]

describe('drover run --progress where nothing can be drawn', () => {
  it('prints a line now and then, and the failures again at the end', async () => {
    const { status, stderr } = await drover([TASKS[0]!, '--progress', ...TASKS.slice(1)], { env: NO_CI })
    expect(status).toBe(2)
    const lines = stderr.split('\n')
    expect(lines).toContainEqual(
      expect.stringMatching(/^drover: 2 of 3 done, 1 failed, 1 running(, .*)?, ETA unknown$/),
    )
    const end = lines.slice(lines.indexOf('drover: 2 failed:'))
    expect(end).toEqual([
      'drover: 2 failed:',
      expect.stringMatching(/^ {2}- #3 \(sleep '0\.2'; test .*\): exit 3: no 2$/),
      expect.stringMatching(/^ {2}- #2 \(sleep '2\.2'; test .*\): exit 3: no 2$/),
      expect.stringMatching(/^drover: 3 done, 2 failed in 2\.\d s, [\d.,]+\/(s|min)$/),
      '',
    ])
    expect(stderr).not.toContain('\x1b')
  })

  it('folds the log of GitHub Actions, but not the failures', async () => {
    const env = { ...NO_CI, GITHUB_ACTIONS: 'true' }
    const { stderr } = await drover(['run', '--progress', '--json', 'exit', ':::', '4'], { env })
    const lines = stderr.split('\n')
    expect(lines.slice(0, 4)).toEqual([
      '::group::drover',
      '::endgroup::',
      'drover: 1 failed:',
      "  - #1 (exit '4'): exit 4",
    ])
  })

  it('says what failed of results that are printed, too', async () => {
    const args = ['run', '--progress', '--json', 'echo oh no >&2; exit', ':::', '4']
    const { stderr } = await drover(args, { env: NO_CI })
    expect(stderr).toContain("exit '4'): exit 4: oh no\n")
  })

  it('says what failed of output that went to files, too', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'drover-progress-'))
    const args = ['run', '--progress', '--results', 'out', 'echo oh no >&2; exit', ':::', '4']
    const { stderr } = await drover(args, { env: NO_CI, cwd })
    rmSync(cwd, { recursive: true, force: true })
    expect(stderr).toContain("exit '4'): exit 4: oh no\n")
  })

  it('prints nothing where it was not asked for, nor with --quiet', async () => {
    const env = { CI: 'true', GITHUB_ACTIONS: 'true' }
    expect((await drover(['run', 'true', ':::', '1'], { env })).stderr).toBe('')
    expect((await drover(['run', '--quiet', '--progress', 'exit', ':::', '4'], { env })).stderr).toBe('')
  })

  it('is the same for drover pool, whose messages have no command', async () => {
    const worker = `while read -r line; do test "$line" = bad && exit 7; echo "$line"; done`
    const { stdout, stderr } = await drover(['pool', '--progress', '-j', '1', worker], {
      input: 'a\nbad\nb\n',
      env: NO_CI,
    })
    expect(stdout.split('\n').sort()).toEqual(['', 'a', 'b'])
    expect(stderr).toMatch(/drover: 1 failed:\n {2}- #2: .*\ndrover: 3 done, 1 \S+ in /)
  })
})
