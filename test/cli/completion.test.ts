import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover } from '../helpers/drover.js'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-completion-'))
  mkdirSync(join(folder, 'some folder'))
  writeFileSync(join(folder, 'some jobs.jsonl'), '')
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(join(folder, `.${shell}`), (await drover(['completion', shell])).stdout)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const call = async (program: string, args: string[]) =>
  (await promisify(execFile)(program, args, { cwd: folder, timeout: 20_000 })).stdout
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '')

/** What bash's function offers for words, of which the last one is being typed. */
async function bash(...words: string[]): Promise<string[]> {
  const script = `source ./.bash
compopt() { if [ "$1" = -o ]; then echo "($2)"; fi; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _drover; printf '%s\\n' "\${COMPREPLY[@]}"`
  return linesOf(await call('bash', ['-c', script, 'bash', ...words]))
}

/** What fish offers for a line. */
async function fish(line: string): Promise<string[]> {
  const script = 'source ./.fish; complete -C $argv[1]'
  return linesOf(await call('fish', ['--no-config', '-c', script, line])).map((each) => each.split('\t')[0]!)
}

/** The line that an interactive shell has made of what is typed, a tab included, when Enter is pressed: `print -r` shows it. */
const TYPE = `
import os, pty, re, select, sys, time
shell, typed = sys.argv[1:]
start = {"zsh": ["zsh", "-f", "-i"], "bash": ["bash", "--norc", "--noprofile", "-i"]}[shell]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PS1="READY> ", TERM="dumb", PROMPT="READY> ", HISTFILE="")
    os.execvp(start[0], start)
seen = b""
def wait_for(pattern):
    global seen
    deadline = time.monotonic() + 15
    while not re.search(pattern, seen):
        if time.monotonic() > deadline or not select.select([terminal], [], [], 15)[0]: sys.exit("not seen: %r in %r" % (pattern, seen))
        seen += os.read(terminal, 65536)
    seen = b""
wait_for(rb"READY> ")
setup = {"zsh": "autoload -Uz compinit; compinit -u -D; source ./.zsh; unsetopt ZLE_BELL BEEP; bindkey '^I' expand-or-complete", "bash": "source ./.bash"}[shell]
os.write(terminal, (setup + "; drover() { printf 'GOT[%s]' \\"$@\\"; echo; echo DO''NE; }\\n").encode())
wait_for(rb"READY> (?!.*drover)")
os.write(terminal, typed.encode() + b"\\t")
# The shell has completed when it shows more than what was typed.
deadline = time.monotonic() + 15
while len(seen) <= len(typed) and time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.2)[0]: seen += os.read(terminal, 65536)
os.write(terminal, b"\\n")
while b"DONE" not in seen:
    if time.monotonic() > deadline or not select.select([terminal], [], [], 15)[0]: sys.exit("no answer: %r" % seen)
    seen += os.read(terminal, 65536)
print("\\n".join(word.decode() for word in re.findall(rb"GOT\\[(.*?)\\]", seen)))
os.close(terminal)
os.waitpid(pid, 0)
`
const typed = async (shell: 'bash' | 'zsh', line: string) => linesOf(await call('python3', ['-c', TYPE, shell, line]))

it.each(['bash', 'zsh', 'fish'])('the script for %s is one, and says how it is used', async (shell) => {
  await call(shell, ['-n', `.${shell}`])
  const end = await drover(['completion', shell])
  expect(end).toMatchObject({ status: 0, stderr: '' })
  expect(end.stdout).toContain(`drover completion ${shell}`)
})

it('knows no other shell', async () => {
  const end = await drover(['completion', 'tcsh'])
  expect(end).toMatchObject({ status: 255, stdout: '' })
  expect(end.stderr).toContain('Allowed choices are bash, zsh, fish')
})

describe('every command has all the options that its help shows, in every shell', () => {
  it.each([
    '',
    'run',
    'pool',
    'results',
    'slots',
    'slots set',
    'slots run',
    'workerpool',
    'doctor',
    'completion',
    'ps',
    'cancel',
    'submit',
    'work',
    'status',
    'limit',
  ])('drover %s', async (command) => {
    const words = command.split(' ').filter((word) => word !== '')
    const help = (await drover([...words, '--help'])).stdout
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map((match) => match[1]!).sort()
    expect(options).toContain('--help')
    expect((await bash('drover', ...words, '--')).sort()).toEqual(options)
    expect((await fish(['drover', ...words, '--'].join(' '))).sort()).toEqual(options)
    const zsh = (await call('cat', ['.zsh'])).split(`\n${['_drover', ...words].join('_')}() {`)[1]!.split('\n}\n')[0]!
    for (const option of options) expect(zsh).toContain(option)
  })

  it('and all commands', async () => {
    const help = (await drover(['--help'])).stdout.split('Commands:')[1]!
    const commands = [...help.matchAll(/^ {2}(\w+)/gm)].map((match) => match[1]!).sort()
    expect(commands).toContain('completion')
    expect((await bash('drover', '')).sort()).toEqual(commands)
    expect((await fish('drover ')).sort()).toEqual(commands)
    expect(await fish('drover slots s')).toEqual(['set'])
  })
})

describe('bash', () => {
  it.each([
    [
      ['run', '--color', ''],
      ['auto', 'always', 'never'],
    ],
    [['run', '--color', '=', 'al'], ['always']],
    [
      ['run', '--color', '='],
      ['auto', 'always', 'never'],
    ],
    [['run', '-j', '4', '--left', 'x'].slice(0, 4), ['--leftovers']],
    [
      ['run', '--leftovers', 'k'],
      ['kill', 'keep'],
    ],
    [['run', '--tasks', 'some'], ['(default)']],
    [['run', '--results', ''], ['(dirnames)']],
    [['run', '--timeout', ''], []],
    [
      ['run', '--json', 'gzi'],
      ['(default)', 'gzip'],
    ],
    [['run', 'gzip', '-'], ['(default)']],
    [['run', 'gzip', ':::', ''], ['(default)']],
    [['pool', '--protocol', 'f'], ['frames']],
    [['results', ''], ['(default)']],
    [['results', '--state', 'ti'], ['timed-out']],
    [
      ['slots', ''],
      ['set', 'rm', 'run'],
    ],
    [
      ['slots', 'run', 'name', 'gzi'],
      ['(default)', 'gzip'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
  ])('drover %j', async (words, offered) => {
    const found = [...new Set(await bash('drover', ...words))]
    // Programs that are installed are not ours to know.
    expect(found.filter((word) => offered.includes(word) || !word.startsWith('gzi'))).toEqual(offered)
  })

  it('is registered, and completes what is typed, names of files with spaces too', async () => {
    expect(await call('bash', ['-c', 'source <(cat .bash); complete -p drover'])).toContain('-F _drover drover')
    expect(await typed('bash', 'drover run --tasks some\\ j')).toEqual(['run', '--tasks', 'some jobs.jsonl'])
    expect(await typed('bash', 'drover run --results som')).toEqual(['run', '--results', 'some folder/'])
    expect(await typed('bash', 'drover run --color=al')).toEqual(['run', '--color=always'])
  })
})

describe('zsh', () => {
  it.each([
    ['drover compl', ['completion']],
    ['drover run --journ', ['run', '--journal']],
    ['drover run --color al', ['run', '--color', 'always']],
    ['drover run --color=al', ['run', '--color=always']],
    ['drover run -j 4 --tasks some\\ j', ['run', '-j', '4', '--tasks', 'some jobs.jsonl']],
    ['drover run --results s', ['run', '--results', 'some folder']],
    ['drover slots s', ['slots', 'set']],
    ['drover completion f', ['completion', 'fish']],
  ])('%s', async (line, words) => {
    expect(await typed('zsh', line)).toEqual(words)
  })
})

describe('fish', () => {
  it.each([
    ['drover run --color ', ['always', 'auto', 'never']],
    ['drover run --color=al', ['--color=always']],
    ['drover run --journal x --leftovers k', ['keep', 'kill']],
    ['drover run --tasks some', ['some jobs.jsonl', 'some folder/']],
    ['drover run --results so', ['some folder/']],
    ['drover run --timeout ', []],
    ['drover run gzip --journ', []],
    ['drover run gzip ::: some', ['some jobs.jsonl', 'some folder/']],
    ['drover results --state ti', ['timed-out']],
    ['drover completion ', ['bash', 'fish', 'zsh']],
  ])('%s', async (line, offered) => {
    expect((await fish(line)).sort()).toEqual([...offered].sort())
  })

  it('programs, where one is to be run', async () => {
    expect(await fish('drover run -k gzi')).toContain('gzip')
    expect(await fish('drover slots run name gzi')).toContain('gzip')
  })
})

describe('what is offered is accepted', () => {
  it.each([
    ['--leftovers', ['run', 'true', ':::', '1']],
    ['--launcher', ['run', 'true', ':::', '1']],
    ['--jobserver', ['run', 'true', ':::', '1']],
    ['--jobserver-form', ['run', 'true', ':::', '1']],
    ['--fsync', ['run', '--journal', 'night.jsonl', 'true', ':::', '1']],
    ['--color', ['run', 'true', ':::', '1']],
    ['--state', ['results', 'night.jsonl']],
    ['--color', ['results', 'night.jsonl']],
  ])('%s of %j', async (option, [command, ...rest]) => {
    writeFileSync(join(folder, 'night.jsonl'), '')
    const words = await bash('drover', command!, option, '')
    expect(words.length).toBeGreaterThan(1)
    for (const word of words) {
      const end = await drover([command!, option, word, ...rest], { cwd: folder })
      // Outside of make there is no jobserver to be a client of, which is said in other words.
      expect([word, end.status]).toEqual([word, word === 'client' ? 255 : 0])
      expect(end.stderr).not.toContain(`not "${word}"`)
    }
    const end = await drover([command!, option, 'none-of-them', ...rest], { cwd: folder })
    expect(end.status).toBe(255)
    expect(end.stderr).toContain('none-of-them')
  })
})
