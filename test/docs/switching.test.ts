import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/drover.js'
import { type Block, blocksOf, blocksOfPages, ROOT, textOf } from './pages.js'

const PAGE = textOf('docs/switching.md')
const page = blocksOfPages('docs/switching.md')['docs/switching.md']
const folders: string[] = []
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-switching-'))
  folders.push(folder)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/drover'))
  const scripts = { web: 'echo web is up', api: 'echo api is up' }
  write('package.json', JSON.stringify({ type: 'module', scripts }))
  write('README.md', 'read me')
  mkdirSync(join(folder, 'bin'))
  write('bin/drover', `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
  chmodSync(join(folder, 'bin/drover'), 0o700)
  mkdirSync(join(folder, 'logs'))
  for (const [n, name] of ['a', "it's", 'two words'].entries()) write(`logs/${name}.log`, 'x'.repeat(10 ** n))
  for (const name of ['Drover.php', 'DroverWorker.php'])
    copyFileSync(join(ROOT, 'clients/php', name), join(folder, name))
})
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true })
})

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

/** The blocks that are run, which are all but those in other people's words that are not installed here. */
function runBlocksOf(section: string): Block[] {
  return page.takeSection(section).filter(({ language }) => language !== 'text')
}

async function run(program: string, args: string[], cwd = folder): Promise<string> {
  const path = [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter)
  const { stdout } = await promisify(execFile)(program, args, {
    cwd,
    env: { ...process.env, PATH: path },
    timeout: 25_000,
  })
  return stdout
}

/** Runs a block: lines for the shell, a program in JavaScript or PHP, or one of these that is only a file for the others. */
async function outcome({ language, code }: Block, cwd = folder): Promise<string> {
  if (language === 'sh') return run('bash', ['-c', code], cwd)
  const [, name = 'program.mjs'] = /^(?:<\?php )?\/\/ (\S+\.(?:js|php))\n/.exec(code) ?? []
  write(name, code)
  if (language === 'php') return code.includes('Drover\\serve') ? '' : run('php', [name])
  return name === 'program.mjs' ? run('node', [name]) : ''
}

const sorted = (text: string) => text.trimEnd().split('\n').sort()

it('has a section, in its table, for each of the programs, with theirs before ours', () => {
  const sections = [...PAGE.matchAll(/^## (.*)$/gm)].map((match) => match[1]!)
  expect(sections).toHaveLength(10)
  for (const section of sections) {
    const anchor = section
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-')
    expect(PAGE).toContain(`(#${anchor})`)
    const blocks = blocksOf('docs/switching.md').filter((block) => block.section === section)
    expect(blocks.length).toBeGreaterThanOrEqual(2)
    expect(blocks[0]!.code).not.toMatch(/drover|Drover/)
    expect(
      blocks
        .slice(1)
        .map(({ code }) => code)
        .join(''),
    ).toMatch(/drover|Drover/)
  }
})

it('xargs: both lines do the same', async () => {
  const [theirGzip, ourGzip, theirEcho, ourEcho, ...rest] = runBlocksOf('xargs')
  expect(rest).toEqual([])
  const [theirs, ours] = ['theirs', 'ours'].map((name) => {
    cpSync(join(folder, 'logs'), join(folder, name, 'logs'), { recursive: true })
    return join(folder, name)
  })
  expect([await outcome(theirGzip!, theirs), await outcome(ourGzip!, ours)]).toEqual(['', ''])
  const made = readdirSync(join(ours!, 'logs')).sort()
  expect(made).toEqual(['a.log.gz', "it's.log.gz", 'two words.log.gz'])
  expect(readdirSync(join(theirs!, 'logs')).sort()).toEqual(made)
  expect(await outcome(theirEcho!)).toBe('1 2 3\n4 5 6\n7 8 9\n')
  expect(await outcome(ourEcho!)).toBe('1 2 3\n4 5 6\n7 8 9\n')
})

it('xargs: what is said of it is so', async () => {
  expect(await run('bash', ['-c', 'seq 0 2 | xargs -n 1 sh -c \'exit "$0"\'; echo $?'])).toBe('123\n')
  expect(await run('bash', ['-c', 'xargs echo once < /dev/null; drover run echo once < /dev/null'])).toBe('once\n')
  expect(await run('bash', ['-c', 'echo "x; echo code" | xargs -I{} sh -c "echo {}"'])).toBe('x\ncode\n')
  expect(await run('bash', ['-c', 'echo "x; echo code" | drover run "echo {}"'])).toBe('x; echo code\n')
  await expect(run('bash', ['-c', 'echo "it\'s" | xargs echo'])).rejects.toThrow(/unmatched single quote/)
})

it('GNU parallel: both lines do the same', { timeout: 60_000 }, async () => {
  write('people.txt', 'Ada,Lovelace\nGrace,Hopper\n')
  const blocks = runBlocksOf('GNU parallel')
  const printed = ['a-1\na-2\nb-1\nb-2\n', 'Lovelace Ada\nHopper Grace\n100000\n2 failed\n', 'a\nb\nc\nd\n']
  expect(blocks).toHaveLength(2 * printed.length)
  for (const [place, expected] of printed.entries()) {
    const [theirs, ours] = [blocks[2 * place]!, blocks[2 * place + 1]!]
    expect(theirs.code).toContain('parallel')
    expect(await outcome(theirs)).toBe(expected)
    expect(await outcome(ours)).toBe(expected)
  }
})

it('GNU parallel: what is said of it is so', { timeout: 60_000 }, async () => {
  expect(await run('bash', ['-c', 'parallel --retries 3 "echo >> a; false" ::: 1; wc -l < a'])).toBe('3\n')
  expect(
    await run('bash', ['-c', 'drover run --quiet --retries 2 --backoff 1ms "echo >> b; false" ::: 1; wc -l < b']),
  ).toBe('3\n')
  const resumed = (first: string, rest: string) =>
    run('bash', ['-c', `${first} echo ::: a b > first; ${first} ${rest} echo ::: x a b`])
  expect(await resumed('parallel -k --joblog log', '--resume')).toBe('b\n')
  expect(await resumed('drover run -k --quiet --journal j', '--resume')).toBe('x\n')
  const hostile = 'a$(echo code)b'
  expect(await run('bash', ['-c', `parallel 'echo "{}"' ::: "$0"`, hostile])).toContain('acodeb')
  expect(await run('bash', ['-c', `drover run 'echo "{}"' ::: "$0"`, hostile])).toBe(`${hostile}\n`)
  await expect(run('bash', ['-c', `parallel "echo '{}'" ::: "$0"`, "it's"])).rejects.toThrow()
  expect(await run('bash', ['-c', `drover run "echo '{}'" ::: "$0"`, "it's"])).toBe("it's\n")
})

it('GNU parallel: the words that both are said to have are options of both', async () => {
  const text = PAGE.split('## GNU parallel')[1]!.split('```')[0]!
  const options = [...text.matchAll(/`(--?[\w-]+)`/g)].map((match) => match[1]!)
  expect(options.length).toBeGreaterThan(20)
  const help = await run('drover', ['run', '--help'])
  for (const option of options) expect(help).toMatch(new RegExp(`(?:^|[ ,])${option}[ ,\\n]`, 'm'))
})

it('concurrently: ours marks each line', async () => {
  const [tasks, named, plain, ...rest] = runBlocksOf('concurrently')
  expect(rest).toEqual([])
  expect(tasks!.language).toBe('jsonl')
  write('dev.jsonl', tasks!.code)
  expect(sorted(await outcome(named!))).toEqual(['api\tapi is up', 'web\tweb is up'])
  expect(sorted(await outcome(plain!))).toEqual(['echo one\tone', 'echo two\ttwo'])
})

it.each([
  [
    'execa and p-limit',
    (out: string) =>
      expect(sorted(out)).toEqual([
        expect.stringMatching(/^0 7 README.md$/),
        expect.stringMatching(/^0 \d+ package.json$/),
      ]),
  ],
  ['piscina', (out: string) => expect(out).toBe('10\n')],
  [
    'parallel-process-dispatcher',
    (out: string) => expect(sorted(out)).toEqual(['0 1 logs/a.log', "0 10 logs/it's.log", '0 100 logs/two words.log']),
  ],
  [
    'php-process-executive',
    (out: string) => expect(out).toBe("logs/a.log 1\nlogs/it's.log 10\nlogs/two words.log 100\n"),
  ],
])('%s: ours does what it says', async (section, check) => {
  const blocks = runBlocksOf(section)
  let printed = ''
  for (const block of blocks) printed += await outcome(block)
  check(printed)
})

it('TaskRunner.php: ours sums up, and the second process prints the same lines', async () => {
  const [sum, second, ...rest] = runBlocksOf('TaskRunner.php')
  expect(rest).toEqual([])
  expect(await outcome(sum!)).toBe('Sum: 4950\n')
  write('tasks.jsonl', '{"id":"task_1","cmd":"echo 1"}\n{"id":"task_2","cmd":"echo 2 >&2; exit 2"}\n')
  expect(sorted(await outcome(second!)).map((line) => JSON.parse(line))).toEqual([
    { id: 'task_1', status: 0, stdout: '1\n', stderr: '' },
    { id: 'task_2', status: 2, stdout: '', stderr: '2\n' },
  ])
})

it('go-workerpool: the PHP program gets what it got', async () => {
  const [program, ...rest] = runBlocksOf('go-workerpool')
  expect(rest).toEqual([])
  const task = (identifier: string, line: string) => ({ identifier, command: 'sh', args: ['-c', line] })
  write('tasks.json', JSON.stringify([task('job 1', 'echo one'), task('job 2', 'echo two; exit 2')]))
  expect(sorted(await outcome(program!))).toEqual(['job 1 0 one', 'job 2 2 two'])
})

it('ssigwart/process-pool: its workers answer, asked by ours', async () => {
  copyFileSync(join(ROOT, 'test/clients/programs/reference-worker.php'), join(folder, 'process.php'))
  const [program, line, ...rest] = runBlocksOf('ssigwart/process-pool')
  expect(rest).toEqual([])
  expect(await outcome(program!)).toBe('egassem ruoY\n')
  write('messages.txt', 'one\ntwo\n')
  expect(await outcome(line!)).toBe('eno\nowt\n')
})
