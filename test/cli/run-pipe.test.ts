import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Drover, drover, PROGRAM, resultsOf } from '../helpers/drover.js'
import { until } from '../helpers/until.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-pipe-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => `${n + 1}\n`).join('')
const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('drover run --pipe', () => {
  it('gives each task a block of whole lines, and the bytes out are the bytes in', async () => {
    const input = Buffer.concat([Buffer.from(numbers(400_000)), Buffer.from([0xff, 0x00, 0x0a, 0x41])])
    const end = await drover(['run', '-k', '-j', '4', '--pipe', '--block', '100K', 'cat'], { input, digest: true })
    expect(end).toMatchObject({ status: 0, stderr: '', stdoutBytes: input.length, stdoutSha256: sha256(input) })
  })

  it('does so with what comes through a pipe of the shell, and ends where that never would', async () => {
    const from = (producer: string) => ({
      through: ['/bin/sh', '-c', `${producer} | '${process.execPath}' '${PROGRAM}' "$@"`, 'sh'],
    })
    const input = Buffer.concat([Buffer.from(numbers(400_000)), Buffer.from([0xff, 0x00, 0x0a, 0x41])])
    const path = file('through-a-pipe', input)
    for (const block of ['1K', '100K', '1M']) {
      const whole = await drover(['run', '-k', '-j', '4', '--pipe', '--block', block, 'cat'], {
        ...from(`cat '${path}'`),
        digest: true,
      })
      expect(whole).toMatchObject({ status: 0, stderr: '', stdoutSha256: sha256(input) })
    }
    const halted = await drover(
      ['run', '-j', '1', '--pipe', '--halt', 'now,fail=1', 'cat > /dev/null; false'],
      from('yes'),
    )
    expect(halted.status).toBe(1)
    const tooLong = await drover(['run', '--pipe', '--max-line', '1M', 'wc', '-c'], from('yes | tr -d "\\n"'))
    expect(tooLong.stderr).toContain('a record is longer than')
    expect(tooLong.status).not.toBe(0)
    const rounds = await drover(['run', '-j', '2', '--pipe', '--round-robin', 'wc', '-c'], from(`cat '${path}'`))
    expect(
      rounds.stdout
        .trim()
        .split('\n')
        .map(Number)
        .reduce((sum, count) => sum + count),
    ).toBe(input.length)
  })

  it.each([[[]], [['--retries', '1']], [['--leftovers', 'keep']], [['--launcher', 'node']]])(
    'gathers blocks where others were, when those are done: %j',
    async (more) => {
      const many = file('many-blocks', numbers(1_500_000))
      const failing = `mkdir '${join(folder, 'tried-{#}')}' && exit 1; cat`
      const words = ['run', '-k', '-j', '3', '--backoff', '1ms', '--pipe', '--block', '700K', ...more]
      const { status, stdoutSha256 } = await drover([...words, more[0] === '--retries' ? failing : 'cat'], {
        through: ['/bin/sh', '-c', `cat '${many}' | '${process.execPath}' '${PROGRAM}' "$@"`, 'sh'],
        digest: true,
      })
      expect({ status, stdoutSha256 }).toEqual({ status: 0, stdoutSha256: sha256(readFileSync(many)) })
    },
  )

  it('counts every line once, whatever the order', async () => {
    const end = await drover(['run', '-j', '3', '--pipe', '--block', '64K', 'wc', '-l'], { input: numbers(200_000) })
    const counts = end.stdout.trim().split('\n').map(Number)
    expect(counts.length).toBeGreaterThan(10)
    expect(counts.reduce((sum, count) => sum + count)).toBe(200_000)
  })

  it('fills in numbers of tasks and slots, and nothing else', async () => {
    const command = ['printf "%s " {#} "{%}" \'{}\' "${#}" {1} {.}; cat']
    const end = await drover(['run', '-k', '-j1', '--pipe', '-N', '2', ...command], { input: 'a\nb\nc\n' })
    expect(end).toMatchObject({ status: 0, stdout: '1 1 {} 0 {1} {.} a\nb\n2 1 {} 0 {1} {.} c\n' })
  })

  it('cuts at what ends or begins a record, and repeats a header', async () => {
    const cat = ['run', '-k', '--pipe', '--block', '1']
    const tagged = async (args: string[], input: string) => (await drover([...cat, '--tag', ...args], { input })).stdout
    expect(await tagged(['--recend', '\\n\\n', 'cat'], 'a\nb\n\nc\n\n')).toBe('1\ta\n1\tb\n1\t\n2\tc\n2\t\n')
    expect(await tagged(['--recstart', '>', 'cat'], '>a\nb\n>c\n')).toBe('1\t>a\n1\tb\n2\t>c\n')
    expect(await tagged(['--recend', '\\x3b', 'cat; echo'], 'a;b;')).toBe('1\ta;\n2\tb;\n')
    expect(await tagged(['--header', ':', 'cat'], 'h\n1\n2\n')).toBe('1\th\n1\t1\n2\th\n2\t2\n')
  })

  it('tells results, keeps a journal, and a resumed run leaves out the blocks that are done', async () => {
    const journal = join(folder, 'pipe.jsonl')
    const command = 'read first; test "$first" != 3 || test -e allowed'
    const args = ['run', '-k', '--pipe', '-N', '2', '--journal', journal]
    const first = await drover([...args, '--json', command], { input: numbers(6), cwd: folder })
    expect(first.status).toBe(1)
    expect(resultsOf(first).map(({ state }) => state)).toEqual(['succeeded', 'failed', 'succeeded'])
    file('allowed', '')
    const again = await drover([...args, '--retry-failed', '--json', command], { input: numbers(8), cwd: folder })
    expect(resultsOf(again).map(({ index, state }) => [index, state])).toEqual([
      [1, 'succeeded'],
      [3, 'succeeded'],
    ])
    expect(again.stderr).toContain('2 tasks were done before')
  })

  it('tries a block again as a whole', async () => {
    const command = 'cat >> seen; test "$(grep -c ^ seen)" -ge 6'
    const end = await drover(['run', '--pipe', '--retries', '1', '--backoff', '0', command], {
      input: 'a\nb\nc\n',
      cwd: folder,
    })
    expect(end.status).toBe(0)
    expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe('a\nb\nc\na\nb\nc\n')
  })

  it('does not mind a task that reads little or nothing', async () => {
    const end = await drover(['run', '-k', '--pipe', '--block', '300K', 'head -n 1'], { input: numbers(200_000) })
    expect(end).toMatchObject({ status: 0, stderr: '' })
    expect(end.stdout.split('\n').length).toBeGreaterThan(3)
    expect(await drover(['run', '--pipe', 'true'], { input: numbers(500_000) })).toMatchObject({ status: 0 })
  })

  it('reads a file from where it stands, and one of which the size is not known', async () => {
    const path = file('stands', numbers(20_000))
    const shell = async (line: string) => {
      const script = `drover() { '${process.execPath}' '${PROGRAM}' "$@"; }; ${line}`
      return (await promisify(execFile)('sh', ['-c', script])).stdout
    }
    const sum = "awk '{ n += $1 } END { print n }'"
    const header = `{ head -c 4; drover run --pipe --block 10K --header 1 wc -l | ${sum}; } < '${path}'`
    const blocks = Number((await shell(`drover run --pipe --block 10K 'echo 1' < '${path}' | ${sum}`)).trim())
    expect(blocks).toBeGreaterThan(5)
    // Two lines are read before, the third is in front of each block.
    expect((await shell(header)).split('\n')).toEqual(['1', '2', String(20_000 - 3 + blocks), ''])
    expect(await shell('drover run -k --pipe -N 1 cat < /proc/version')).toBe(readFileSync('/proc/version', 'utf8'))
  })

  it('runs nothing on nothing', async () => {
    expect(await drover(['run', '--pipe', 'echo ran'], { input: '' })).toMatchObject({ status: 0, stdout: '' })
    const header = await drover(['run', '--pipe', '--header', '2', 'echo ran'], { input: 'a\nb\n' })
    expect(header).toMatchObject({ status: 0, stdout: '' })
  })

  it('ends with a reason at a record that is too long, after what came before', async () => {
    const args = ['run', '-k', '--pipe', '--block', '4', '--max-line', '100', 'cat']
    const end = await drover(args, { input: `one\ntwo\n${'x'.repeat(200)}` })
    expect(end.stdout).toBe('one\ntwo\n')
    expect(end.status).toBe(1)
    expect(end.stderr).toContain('a record is longer than 104 bytes')
  })

  it('starts tasks while the stream goes on', async () => {
    const run = new Drover(['run', '--pipe', '-N', '1', 'cat'])
    run.process.stdin.write('one\ntwo\n')
    await until('both lines are printed', () => run.stdout === 'one\ntwo\n' || run.stdout === 'two\none\n')
    run.process.stdin.end('three\n')
    expect((await run.end).stdout).toContain('three\n')
  })
})

describe('drover run --pipe-part', () => {
  it('gives the same blocks as --pipe', async () => {
    const content = numbers(150_000)
    const path = file('it is a file', content)
    const options = ['-k', '--block', '77K', '--header', '1', 'cksum']
    const part = await drover(['run', '--pipe-part', '-a', path, ...options])
    const pipe = await drover(['run', '--pipe', ...options], { input: content })
    expect(part).toMatchObject({ status: 0, stderr: '' })
    expect(part.stdout).toBe(pipe.stdout)
  })

  it('resumes by the places in the file', async () => {
    const path = file('places', numbers(6))
    const journal = join(folder, 'part.jsonl')
    const args = ['run', '--pipe-part', '-a', path, '-N', '2', '--journal', journal]
    expect((await drover([...args, 'cat'])).status).toBe(0)
    expect(await drover([...args, '--resume', 'cat'])).toMatchObject({ status: 0, stdout: '' })
  })

  it('needs a regular file', async () => {
    for (const [path, why] of [
      [join(folder, 'none'), 'ENOENT'],
      [folder, 'is a directory'],
      ['/dev/null', 'is no regular file'],
    ]) {
      const end = await drover(['run', '--pipe-part', '-a', path!, 'cat'])
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toContain(why)
    }
  })
})

describe('drover run --round-robin', () => {
  it('keeps as many tasks as there are jobs, which take all records once', async () => {
    const input = numbers(300_000)
    const args = ['run', '-j', '3', '--pipe', '--round-robin', '--block', '32K', '--results', join(folder, 'rr')]
    const end = await drover([...args, 'cat'], { input })
    expect(end).toMatchObject({ status: 0, stderr: '' })
    const parts = [1, 2, 3].map((n) => readFileSync(join(folder, 'rr', `${n}.stdout`), 'utf8'))
    expect(parts.every((part) => part.endsWith('\n'))).toBe(true)
    const lines = parts.join('').trim().split('\n').map(Number)
    expect(lines.sort((a, b) => a - b).join('\n')).toBe(input.trim())
  })

  it('gives blocks to those who take them', async () => {
    const input = numbers(300_000)
    const command =
      'if test {#} = 1; then while ! test -e done-{#}; do sleep 0.01; done; wc -l; else wc -l; touch done-1; fi'
    const end = await drover(['run', '-k', '-j', '2', '--pipe', '--round-robin', '--block', '64K', command], {
      input,
      cwd: folder,
    })
    const [slow, quick] = end.stdout.trim().split('\n').map(Number)
    expect(slow! + quick!).toBe(300_000)
    expect(quick!).toBeGreaterThan(slow! * 3)
  })

  it('starts no more tasks than there are blocks', async () => {
    const end = await drover(['run', '-j', '5', '--pipe', '--round-robin', '-N', '1', 'cat'], { input: 'a\nb\n' })
    expect(end.stdout.split('\n').sort()).toEqual(['', 'a', 'b'])
    expect(await drover(['run', '--pipe', '--round-robin', 'cat'], { input: '' })).toMatchObject({
      status: 0,
      stdout: '',
    })
  })

  it('says so when nobody takes the rest', async () => {
    const end = await drover(['run', '-j', '2', '--pipe', '--round-robin', '--block', '64K', 'head -n 1'], {
      input: numbers(2_000_000),
    })
    expect(end.status).toBe(1)
    expect(end.stderr).toContain('no task takes any more of it')
  })
})

describe('what cannot be is refused, and nothing is started', () => {
  const refused: [string[], string][] = [
    [['--pipe'], 'needs a COMMAND'],
    [['--block', '1M', 'cat'], '--block is about blocks'],
    [['--round-robin', 'cat'], '--round-robin is about blocks'],
    [['--pipe', '--pipe-part', 'cat'], 'give only one of them'],
    [['--pipe', '-a', 'x', 'cat'], '--pipe reads stdin'],
    [['--pipe-part', 'cat'], 'needs one file'],
    [['--pipe-part', '-a', 'x', '-a', 'y', 'cat'], 'needs one file'],
    [['--pipe', '-n', '2', 'cat'], '-n is about items'],
    [['--pipe', '--tasks', 'x', 'cat'], '--tasks is about items'],
    [['--pipe', 'cat', ':::', 'a'], '::: is about items'],
    [['--pipe', '--block', '1M', '-N', '5', 'cat'], 'give only one of --block and -N'],
    [['--pipe', '--block', '0', 'cat'], 'at least 1 byte'],
    [['--pipe', '--block', '5G', 'cat'], 'blockBytes'],
    [['--pipe', '--recend', '\\q', 'cat'], '--recend'],
    [['--pipe', '--header', 'x', 'cat'], '--header'],
    [['--pipe', '--round-robin', '--retries', '1', 'cat'], '--retries runs tasks again'],
    [['--pipe', '--round-robin', '--journal', 'j', '--resume', 'cat'], '--resume runs tasks again'],
    [['--pipe', '--round-robin', '-j0', 'cat'], 'needs a number of tasks'],
    [['--pipe', '--round-robin', '--dry-run', 'cat'], '--dry-run'],
    [['--pipe-part', '--round-robin', '-a', 'x', 'cat'], '--round-robin shares out a stream'],
  ]
  for (const [args, why] of refused) {
    it(args.join(' '), async () => {
      const end = await drover(['run', ...args], { input: 'a\n', cwd: folder })
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toContain(why)
    })
  }
})
