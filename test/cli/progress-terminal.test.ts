import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/drover.js'
import { Terminal, type TerminalOptions } from '../helpers/terminal.js'
import { until } from '../helpers/until.js'

const BAR = /[━─]{8}/
const KEYS_ON = '-icanon'
const KEYS_OFF = ' icanon'
let folder: string
let terminal: Terminal

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-progress-'))
  writeFileSync(
    join(folder, 'drover'),
    `#!/bin/sh\necho $$ > '${folder}/pid'\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`,
    { mode: 0o755 },
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => {
  await terminal[Symbol.asyncDispose]()
})

async function open(options: Partial<TerminalOptions> = {}): Promise<Terminal> {
  const env = { PATH: `${folder}:${process.env.PATH}`, ...options.env }
  terminal = await Terminal.open({ columns: 80, rows: 24, cwd: folder, ...options, env })
  return terminal
}

describe('the block', () => {
  it('shows how far the run is, what failed and what runs, and leaves one line', async () => {
    await open()
    terminal.enter(`drover run -j 2 'sleep {}; test {} != 0.1 || { echo no >&2; exit 3; }' ::: 0.1 0 1.5 1.6`)
    await terminal.shows(BAR)
    const shown = await terminal.shows(/▸ #4/)
    expect(shown).toMatch(/2 of 4 done · 1 failed · 2 running/)
    expect(shown).toMatch(/✗ #1 +exit 3 +sleep '0\.1'.* no$/m)
    const end = await terminal.shows(/drover: 4 done, 1 failed in \d\.\d s/)
    expect(end).not.toMatch(BAR)
    expect(end).not.toContain('▸')
  })

  it('is not there for a run that is over at once', async () => {
    await open()
    terminal.enter(`drover run true ::: 1 2 3; echo status $?`)
    await terminal.shows('status 0')
    expect(terminal.history).not.toMatch(/[━─]{8}|drover:/)
  })

  it('never mixes with what tasks print, whole lines or not', async () => {
    await open({ rows: 16 })
    terminal.enter(`drover run -j 1 --line-buffer 'echo begin {}; sleep 0.2; printf "end {}"; echo' ::: $(seq 12)`)
    await terminal.shows(BAR)
    await terminal.shows('drover: 12 done')
    const lines = terminal.history.split('\n')
    const printed = lines.filter((line) => /^(begin|end) \d+$/.test(line))
    expect(printed).toEqual(Array.from({ length: 12 }, (_, n) => [`begin ${n + 1}`, `end ${n + 1}`]).flat())
    expect(lines.slice(lines.indexOf('begin 1')).filter((line) => BAR.test(line))).toEqual([])
  })

  it('has a bar as soon as a stream of items has ended, however many of them are left', async () => {
    await open()
    terminal.enter(
      `(seq 30000; until test -e go; do sleep 0.05; done; seq 30001 50000) | drover run -j 1 'sleep 0.4; :'`,
    )
    const before = await terminal.shows(/\d+ done · ETA unknown · 1 running/)
    expect(before).not.toMatch(BAR)
    writeFileSync(join(folder, 'go'), '')
    expect(await terminal.shows(BAR)).toMatch(/\d+ of 50,000 done · 1 running · 49,9\d\d queued/)
    terminal.press('q')
    await terminal.shows(/drover: \d+ done.*; stopped by a key, 49,9\d\d not started/)
  })

  it('is below a line that tasks go on with', async () => {
    await open()
    terminal.enter(`drover run -j 1 'sleep 0.3; printf {},' ::: $(seq 8)`)
    await terminal.shows(/^1,2,3,\n.*[━─]{8}/m)
    await terminal.shows(/^1,2,3,4,5,6,7,8,\ndrover: 8 done/m)
  })

  it('follows the size of the terminal', async () => {
    await open()
    terminal.enter(`drover run -j 2 'sleep {}' ::: 6 6.1 6.2`)
    await terminal.shows(/ETA unknown$/m)
    for (const [columns, rows] of [
      [40, 10],
      [20, 6],
      [120, 30],
    ] as const) {
      terminal.resize(columns, rows)
      const width = Math.min(60, columns - (columns < 30 ? 6 : columns < 60 ? 20 : 0))
      await terminal.shows(new RegExp(`^ ?[━╸─]{${Math.min(width, 60) - 4},${width + 4}} `, 'm'))
      const bars = () => terminal.screen.split('\n').filter((line) => BAR.test(line)).length
      await until('the block is there once', () => bars() === 1)
    }
    terminal.press('C-c')
    await terminal.isReady()
  })

  it('has no colors with NO_COLOR, and nothing but ASCII in another locale', async () => {
    await open({ env: { NO_COLOR: '1', LC_ALL: 'C' } })
    terminal.enter(`drover run -j 2 'sleep {}' ::: 3 3.1`)
    await terminal.shows(/-{8} {3}0%/)
    expect(terminal.history).not.toContain('\x1b[')
    terminal.press('C-c')
  })

  it('shows none of what a command would do to a terminal', async () => {
    await open()
    terminal.enter(`drover run "sleep 3; true '$(printf '\\033]0;evil\\007\\033[2J')'" ::: x`)
    await terminal.shows(String.raw`true '\x1b]0;evil\x07\x1b[2J'`)
    terminal.press('C-c')
  })

  it('is not there in the background, nor with --quiet, --no-progress, --ungroup and TERM=dumb', async () => {
    await open()
    const run = `drover run -j 3 'sleep 1.{}' ::: 1 2 3`
    for (const [line, done] of [
      [`${run} & wait`, /drover: 3 done|Done/],
      [run.replace('run', 'run --quiet'), 'ready>'],
      [run.replace('run', 'run --no-progress'), 'ready>'],
      [run.replace('run', 'run --ungroup'), 'ready>'],
      [`TERM=dumb ${run}`, 'ready>'],
    ] as const) {
      terminal.enter(`clear; ${line}; echo all "of it"`)
      await terminal.shows('all of it')
      await terminal.shows(done)
      expect(terminal.history).not.toMatch(BAR)
    }
  })
})

describe('keys', () => {
  it('change jobs, pause, go on, show help, and stop', async () => {
    await open()
    terminal.enter(`drover run -j 1 'sleep 0.4' ::: $(seq 100); echo status $?`)
    await terminal.shows('? for keys')
    terminal.press('?')
    await terminal.shows('q starts nothing more')
    terminal.press('?')
    terminal.press('+')
    await terminal.shows('2 jobs at once')
    await terminal.shows('2 running')
    terminal.press('-')
    await terminal.shows('1 job at once')
    terminal.press('p')
    await terminal.shows(/ paused .* 0 running/)
    terminal.press('p')
    await terminal.shows(' 1 running')
    terminal.press('q')
    await terminal.shows('nothing more is started')
    await terminal.shows(/drover: \d+ done, \d+ skipped in|drover: \d+ done in/)
    await terminal.shows('status 1')
    expect(terminal.mode).toContain(KEYS_OFF)
  })

  it('are taken from the terminal when items come through a pipe', async () => {
    await open()
    terminal.enter(`seq 100 | drover run -j 1 'sleep 0.2; :'`)
    await terminal.shows('? for keys')
    terminal.press('q')
    await terminal.shows(/drover: \d+ done.* in /)
  })

  it.each([
    ['Ctrl-C', (shown: Terminal) => shown.press('C-c')],
    ['SIGTERM', () => process.kill(pidOf(), 'SIGTERM')],
    ['SIGINT three times', thrice],
  ])('leave the terminal as it was after %s', async (_what, end) => {
    await open()
    const before = terminal.mode
    terminal.enter(`drover run --kill-grace 0.5s 'sleep {}' ::: 60 61`)
    await terminal.shows('? for keys')
    expect(terminal.mode).toContain(KEYS_ON)
    end(terminal)
    await terminal.isReady()
    expect(terminal.mode).toBe(before)
    expect(terminal.screen).not.toMatch(BAR)
  })

  it('are given back while it is stopped, are not taken in the background, and come back with it', async () => {
    await open()
    const before = terminal.mode
    terminal.enter(`drover run -j 2 'sleep {}' ::: 60 61`)
    await terminal.shows('? for keys')
    terminal.press('C-z')
    await terminal.shows(/Stopped/)
    expect(terminal.mode).toBe(before)
    expect(terminal.screen).not.toMatch(BAR)
    terminal.enter('bg')
    terminal.enter('clear; sleep 1.5; jobs; echo all "of it"')
    await terminal.shows('all of it')
    expect(terminal.screen).toMatch(/Running +drover/)
    expect(terminal.screen).not.toMatch(BAR)
    terminal.enter('fg')
    await terminal.shows(BAR)
    await until('keys are heeded', () => terminal.mode.includes(KEYS_ON))
    terminal.press('C-c')
    await terminal.isReady()
    expect(terminal.mode).toBe(before)
  })

  it('do not keep a run from ending that was sent to the background', async () => {
    await open()
    terminal.enter(`drover run -j 2 'sleep {}' ::: 3 3.1`)
    await terminal.shows('? for keys')
    terminal.press('C-z')
    await terminal.shows(/Stopped/)
    terminal.enter('bg; wait; jobs; echo all "of it"')
    await terminal.shows('all of it')
    expect(terminal.screen).toMatch(/drover: 2 done in/)
    expect(terminal.screen.match(/Stopped/g)).toHaveLength(1)
  })
})

describe('drover pool', () => {
  it('has the block below the answers, and keys for its workers', async () => {
    await open()
    writeFileSync(join(folder, 'messages'), Array.from({ length: 60 }, (_, n) => `${n + 1}\n`).join(''))
    writeFileSync(
      join(folder, 'worker'),
      'while read -r message; do sleep 0.3; [ "$message" != 2 ] || exit 1; echo "answer $message"; done\n',
    )
    terminal.enter(`drover pool -j 1 -a messages sh worker; echo status $?`)
    await terminal.shows(/^answer 3\n(.*\n)*.*[━─]{8}/m)
    await terminal.shows(/\d+ of 60 done · 1 failed · 1 running · \d+ queued/)
    await terminal.shows(/✗ #2 +exit 1/)
    terminal.press('+')
    await terminal.shows('2 jobs at once')
    await terminal.shows('2 running')
    terminal.press('p')
    await terminal.shows(/ paused .* 0 running/)
    terminal.press('p')
    await terminal.shows(' 2 running')
    terminal.press('q')
    await terminal.shows('status 1')
    expect(terminal.screen).toMatch(/drover: \d+ done, 1 \S+.*; stopped by a key, \d+ not started/)
    const answers = terminal.history.split('\n').filter((line) => line.startsWith('answer'))
    expect(answers.every((line) => /^answer \d+$/.test(line))).toBe(true)
    expect(terminal.screen).not.toMatch(BAR)
    expect(terminal.mode).toContain(KEYS_OFF)
  })
})

describe('ProgressDisplay, in a program', () => {
  const start = async (ending: string) => {
    await open()
    const library = new URL('../../dist/index.js', import.meta.url).href
    writeFileSync(
      join(folder, 'program.mjs'),
      `import { dispatch, ProgressDisplay } from '${library}'
      const run = dispatch(['sleep 0.2; echo oh no >&2; exit 3', 'sleep 60'], { concurrency: 2 })
      const display = new ProgressDisplay({ delayMs: 0 })
      display.show(run)
      for await (const result of run) {
        display.result(result)
        display.stdout.write('printed by the program\\n')
        if (result.state === 'failed') { ${ending} }
      }
      await display.end()
      console.log('shown', display.isShown)`,
    )
    const before = terminal.mode
    terminal.enter(`'${process.execPath}' program.mjs`)
    await terminal.shows(/✗ #1 +exit 3 +sleep .* oh no/)
    await terminal.shows('printed by the program')
    return before
  }

  it('shows the same block, and keys steer the run', async () => {
    const before = await start('setTimeout(() => run.halt("now"), 1000)')
    await terminal.shows('? for keys')
    terminal.press('+')
    await terminal.shows('3 jobs at once')
    await terminal.shows('shown true')
    await terminal.isReady()
    expect(terminal.screen).not.toMatch(BAR)
    expect(terminal.mode).toBe(before)
  })

  it('gives the terminal back when the program dies of an error', async () => {
    const before = await start('setTimeout(() => { throw new Error("it crashed") }, 500)')
    await terminal.shows('it crashed')
    await terminal.isReady()
    expect(terminal.screen).not.toMatch(/▸|✗/)
    expect(terminal.mode).toBe(before)
  })
})

/** The second one kills, the third one ends drover itself, whatever it is at. */
function thrice(): void {
  for (let n = 0; n < 3; n++) {
    try {
      process.kill(pidOf(), 'SIGINT')
    } catch {
      // The second one was enough.
    }
  }
}

function pidOf(): number {
  return Number(readFileSync(join(folder, 'pid'), 'utf8'))
}
