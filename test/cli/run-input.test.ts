import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover, PROGRAM, resultsOf } from '../helpers/drover.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const HOSTILE = [
  'a b',
  'it\'s "quoted"',
  'new\nline',
  '$(touch EXECUTED)',
  '`touch EXECUTED`',
  '; touch EXECUTED;',
  '-n',
  '--',
  '*',
  '\\',
  '~',
  'é漢🎉',
  '',
]

describe('items reach the program as they were', () => {
  const forms: [string, string[]][] = [
    ['bare in a line', ["printf '%s\\0' {}"]],
    ['in double quotes', ['printf \'%s\\0\' "{}"']],
    ['in single quotes', ["printf '%s\\0' '{}'"]],
    ['appended to a line', ["printf '%s\\0'"]],
    ['as an argument', ['printf', '%s\\0', '{}']],
    ['appended to arguments', ['printf', '%s\\0']],
  ]
  for (const [what, command] of forms) {
    it(what, async () => {
      const input = HOSTILE.map((item) => `${item}\0`).join('')
      const end = await drover(['run', '-k', '-0', ...command], { input, cwd: folder })
      expect(end).toMatchObject({ status: 0, stderr: '', stdout: input })
      expect(existsSync(join(folder, 'EXECUTED'))).toBe(false)
    })
  }

  it('through args of a JSON task', async () => {
    const tasks = HOSTILE.map((item) => JSON.stringify({ command: 'printf', args: ['%s\\0', item] })).join('\n')
    const end = await drover(['run', '-k', '--tasks', '-'], { input: tasks, cwd: folder })
    expect(end.stdout).toBe(HOSTILE.map((item) => `${item}\0`).join(''))
    expect(existsSync(join(folder, 'EXECUTED'))).toBe(false)
  })

  it('and lines where that cannot be are refused', async () => {
    for (const line of [
      'echo `echo {}`',
      'echo "$(echo {})"',
      'cat <<E\n{}\nE',
      'true # {}',
      'echo \\{}',
      'echo $(({} + 1))',
    ]) {
      const end = await drover(['run', line, ':::', 'x'], { cwd: folder })
      expect(end, line).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr, line).toMatch(/^drover: .*\{\}.*column/)
    }
  })
})

describe('all ways in', () => {
  it('combines groups, links them, and gives several items to a command', async () => {
    expect((await drover(['run', '-k', 'echo {1}{2}', ':::', 'a', 'b', ':::', '1', '2'])).stdout).toBe(
      'a1\na2\nb1\nb2\n',
    )
    expect((await drover(['run', '-k', 'echo {1}{2}', ':::', 'a', 'b', ':::+', '1', '2'])).stdout).toBe('a1\nb2\n')
    expect((await drover(['run', '-k', '-n', '2', 'echo', ':::', 'a', 'b', 'c'])).stdout).toBe('a b\nc\n')
    expect((await drover(['run', '-k', '-I', '@', 'echo @ {}', ':::', 'a'])).stdout).toBe('a {}\n')
  })

  it('reads files, delimiters and columns', async () => {
    const items = file('items', 'a:1\nb:2\n')
    expect((await drover(['run', '-k', '--colsep', ':', 'echo {2}{1}', '-a', items])).status).toBe(0)
    expect((await drover(['run', '-k', '-a', items, '--colsep', ':', 'echo {2}{1}'])).stdout).toBe('1a\n2b\n')
    expect((await drover(['run', '-k', '-d', ',', 'echo'], { input: 'a,b' })).stdout).toBe('a\nb\n')
  })

  it('reads tasks as JSON lines, as an array, and as rows', async () => {
    const lines = file(
      't.jsonl',
      '{"id":"x","command":"echo $V","env":{"V":"1"}}\n{"identifier":"y","cmd":"cat","args":[],"stdin":"2\\n"}\n',
    )
    expect((await drover(['run', '-k', '--tasks', lines])).stdout).toBe('1\n2\n')
    const array = file(
      't.json',
      '[\n {"command": "echo", "args": ["[1]"]},\n {"command": "echo 2", "meta": {"a": [1]}}\n]',
    )
    expect(resultsOf(await drover(['run', '-k', '--json', '--tasks', array]))).toMatchObject([
      { stdout: '[1]\n', args: ['[1]'] },
      { stdout: '2\n', meta: { a: [1] }, args: null },
    ])
    const rows = file('t.csv', 'name,mail\n"Ann ""A""",a@x\nBob,b@x\n')
    expect((await drover(['run', '-k', '--tasks', rows, 'echo {name} {mail}'])).stdout).toBe('Ann "A" a@x\nBob b@x\n')
  })

  it('fills in the number of the task and of the slot', async () => {
    const end = await drover(['run', '-k', '-j', '1', 'echo {#} {%} {}', ':::', 'a', 'b'])
    expect(end.stdout).toBe('1 1 a\n2 1 b\n')
  })

  it('takes items as lines for the shell when there is no command', async () => {
    expect((await drover(['run', '-k'], { input: 'echo 1\necho 2; exit 4\n' })).stdout).toBe('1\n2\n')
  })

  it('runs nothing for empty input, and succeeds', async () => {
    for (const args of [
      ['echo'],
      ['--tasks', '-'],
      ['--tasks', file('empty.json', '[]')],
      ['-a', file('empty', ''), 'echo'],
      ['echo', ':::'],
    ]) {
      expect(await drover(['run', ...args]), args.join(' ')).toMatchObject({
        status: 0,
        signal: null,
        stdout: '',
        stderr: '',
      })
    }
  })

  it('starts higher priorities first, also from a file', async () => {
    const tasks = file(
      'priority.jsonl',
      [1, 5, 3].map((n) => JSON.stringify({ command: `echo ${n}`, priority: n })).join('\n'),
    )
    expect((await drover(['run', '-j', '1', '--tasks', tasks])).stdout).toBe('5\n3\n1\n')
  })
})

describe('bad input: exit 255, the place, and nothing started', () => {
  const good = '{"command": "touch STARTED"}\n'
  const bad: [string, string, RegExp][] = [
    ['truncated JSON', `${good}{"command": "ec`, /line 2, column \d+/],
    ['a wrong type', `${good}{"command": "echo", "args": "x"}`, /line 2, column 29, field "args".*array/],
    [
      'a wrong type deep inside',
      `${good}{"command": "echo", "args": ["x", 1]}`,
      /line 2, column 35, field "args\[1\]"/,
    ],
    [
      'an unknown field',
      `${good}{"command": "echo", "comand": 1}`,
      /line 2, column \d+, field "comand".*unknown field/,
    ],
    ['no command', `${good}{"id": "x"}`, /line 2.*command/],
    ['an id that comes twice', `${good}{"id":"x","command":"a"}\n{"id":"x","command":"b"}`, /line 3.*"x".*line 2/s],
    ['something that is no object', `${good}7`, /line 2.*object/],
    ['an array that does not end', `[${good}`, /line \d/],
  ]
  for (const [what, content, message] of bad) {
    it(what, async () => {
      const end = await drover(['run', '--tasks', file('bad.json', content)], { cwd: folder })
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toMatch(message)
      expect(end.stderr).toContain('bad.json')
      expect(existsSync(join(folder, 'STARTED'))).toBe(false)
    })
  }

  it('a line that is too long, a directory, a file that is not there', async () => {
    mkdirSync(join(folder, 'directory'), { recursive: true })
    const long = file('long.jsonl', `${good}{"command": "echo ${'x'.repeat(5_000)}"}`)
    for (const [args, message] of [
      [['--max-line', '1K', '--tasks', long], /line 2.*--max-line/s],
      [['--tasks', join(folder, 'directory')], /is a directory; name a file/],
      [['--tasks', join(folder, 'missing')], /missing.*no such file/],
      [['-a', join(folder, 'missing'), 'echo'], /missing.*no such file/],
    ] as const) {
      const end = await drover(['run', ...args], { cwd: folder })
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toMatch(message)
    }
    expect(existsSync(join(folder, 'STARTED'))).toBe(false)
  })

  it('a file that may not be read', async () => {
    // A process without its capabilities is bound by modes, even as root.
    const path = file('secret', good)
    chmodSync(path, 0)
    const args = [process.execPath, PROGRAM, 'run', '--tasks', path]
    const line = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all', ...args] : args
    const { status, stderr } = spawnSync(line[0]!, line.slice(1), { encoding: 'utf8', input: '' })
    expect(stderr).toMatch(/secret.*permission denied/s)
    expect(status).toBe(255)
  })

  it('a bad line of a stream becomes a result, and the run goes on', async () => {
    const end = await drover(['run', '-k', '--json', '--tasks', '-'], {
      input: '{"command":"echo 1"}\nnonsense\n{"command":"echo 3"}\n',
    })
    expect(resultsOf(end)).toMatchObject([
      { state: 'succeeded', index: 0 },
      {
        state: 'invalid',
        index: 1,
        error: { code: 'ERR_DROVER_INPUT', message: expect.stringMatching(/stdin, line 2/) },
      },
      { state: 'succeeded', index: 2 },
    ])
    expect(end.status).toBe(1)
  })

  it('and stops it with --strict', async () => {
    const end = await drover(['run', '--strict', '--tasks', '-'], {
      input: '{"command":"echo 1"}\nnonsense\n{"command":"echo 3"}\n',
    })
    expect(end).toMatchObject({ status: 1 })
    expect(end.stdout).not.toContain('3')
    expect(end.stderr).toMatch(/stdin, line 2/)
  })

  it('options that are wrong or contradict each other', async () => {
    for (const [args, message] of [
      [['--jbos', '3', 'echo'], /Did you mean --jobs/],
      [['-j', 'x', 'echo'], /--jobs.*50%/],
      [['--timeout', 'soon', 'echo'], /--timeout.*500ms/],
      [['--halt', 'now', 'echo'], /halt.*now,fail=1/],
      [['--json', '--line-buffer', 'echo'], /--json and --line-buffer/],
      [['--ungroup', '-k', 'echo'], /--keep-order/],
      [['--leftovers', 'eat', 'echo'], /leftovers.*kill, keep, wait/],
      [['-0', '-d', ',', 'echo'], /--null and --delimiter/],
      [['echo {3}', ':::', 'a'], /\{3\}.*there is only one column/],
    ] as const) {
      const end = await drover(['run', ...args])
      expect(end, args.join(' ')).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toMatch(message)
    }
  })
})
