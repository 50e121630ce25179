import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/drover.js'
import { Terminal } from '../helpers/terminal.js'
import { until } from '../helpers/until.js'

const BAR = /[━─]{8}/
const KEYS_OFF = ' icanon'
const KEYS_ON = '-icanon'
let folder: string
let terminal: Terminal

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-beside-'))
  const program = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`
  writeFileSync(join(folder, 'drover'), program, { mode: 0o755 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(async () => {
  const env = { PATH: `${folder}:${process.env.PATH}`, MAKEFLAGS: '' }
  terminal = await Terminal.open({ columns: 80, rows: 24, cwd: folder, env })
})
afterEach(async () => {
  await terminal[Symbol.asyncDispose]()
})

describe.runIf(process.platform === 'linux')('where others of the same job print to the terminal', () => {
  it.each([
    ['who reads what it prints', '| cat'],
    ['the last of several', '| cat | (sleep 0; cat)'],
    ['a shell that reads it', '| while read x; do echo $x; done'],
  ])('there is no block, and no key is taken: %s', async (_what, rest) => {
    terminal.enter(`drover run -j 1 'sleep 0.5; echo line {}' ::: 1 2 3 4 ${rest}; echo status \${PIPESTATUS[0]}`)
    await terminal.shows('line 3')
    expect(terminal.mode).toContain(KEYS_OFF)
    await terminal.shows('status 0')
    expect(terminal.history).not.toMatch(BAR)
    expect(terminal.history).toMatch(/\nline 1\nline 2\nline 3\nline 4\nstatus 0/)
  })

  // When drover ends, a pager has set the terminal: before drover had a look at it, or long after.
  it.each(['less', '(sleep 0.8; less)'])('a pager keeps its keys: %s', async (pager) => {
    terminal.enter(`drover run -j 1 'sleep 0.4; echo line {}' ::: 1 2 3 4 | ${pager}; echo status \${PIPESTATUS[0]}`)
    await terminal.shows(/line 4\n.*END/)
    expect(terminal.screen).not.toMatch(BAR)
    terminal.press('q')
    await terminal.shows('status 0')
  })

  it('an editor keeps its keys while drover ends in the background', async () => {
    terminal.enter(`(drover run -j 1 sleep ::: 1 2>/dev/null; echo > ended) & sleep 0.5; seq 100 | less`)
    await until('drover has ended', () => existsSync(join(folder, 'ended')))
    await terminal.shows(/^:$/m)
    terminal.press('G')
    await terminal.shows('END')
    expect(terminal.mode).toContain(KEYS_ON)
    terminal.press('q')
    await terminal.isReady()
  })

  it('what is typed meanwhile is for others', async () => {
    terminal.enter(`drover run -j 1 'sleep 0.5; echo line {}' ::: 1 2 3 4 | cat; read words; echo "got $words"`)
    await terminal.shows('line 2')
    terminal.enter('these words')
    await terminal.shows('got these words')
  })

  it('two of them draw nothing into each other', async () => {
    const run = (name: string) => `drover run -j 1 'sleep 0.5; echo ${name} {}' ::: 1 2 3 4`
    terminal.enter(`sh -c "${run('one')} & ${run('two')}; wait"; echo all "of it"`)
    await terminal.shows('all of it')
    expect(terminal.history).not.toMatch(BAR)
  })

  it('with --progress there is a log', async () => {
    terminal.enter(`drover run -j 1 --progress 'sleep 0.8; echo line {}' ::: 1 2 3 4 | cat`)
    await terminal.shows(/drover: \d of 4 done, 1 running/)
    await terminal.shows('drover: 4 done in')
    expect(terminal.history).not.toMatch(BAR)
  })
})

describe('the block is there', () => {
  it('where the reader writes elsewhere', async () => {
    terminal.enter(`drover run -j 1 'sleep 0.5; echo line {}' ::: 1 2 3 4 | gzip > out.gz`)
    await terminal.shows(BAR)
    await terminal.shows('drover: 4 done in')
  })

  it('in a script, whose shell has the same terminal', async () => {
    writeFileSync(join(folder, 'script'), `drover run -j 1 sleep ::: 0.6 0.7 0.8\necho script "done"\n`)
    terminal.enter('sh script')
    await terminal.shows(BAR)
    await terminal.shows('script done')
  })
})

describe('who is there', () => {
  it('is told what it waits for where items would be typed', async () => {
    terminal.enter('drover run echo got')
    await terminal.shows('drover: reading items from the terminal until Ctrl-D')
    terminal.enter('this')
    terminal.press('C-d')
    await terminal.shows(/^got this$/m)
  })

  it('sees that a halted run starts nothing more, and in the end by what and how much is left', async () => {
    terminal.enter(`drover run -j 2 --halt soon,fail=1 'sleep {}; exit 1' ::: 0.6 2.5 9 9 9; echo status $?`)
    const shown = await terminal.shows(/stopping · 1 running · 3 not started/)
    expect(shown).not.toContain('ETA')
    await terminal.shows(/drover: 2 done, 2 failed in .*; halted by soon,fail=1, 3 not started\nstatus 2/)
  })

  it('is reminded of the key that stopped a stream', async () => {
    terminal.enter(`yes | drover run -j 1 'sleep 0.3; :'; echo status $?`)
    await terminal.shows('? for keys')
    terminal.press('q')
    await terminal.shows(/drover: \d+ done in .*; stopped by a key\nstatus 1/)
  })
})
