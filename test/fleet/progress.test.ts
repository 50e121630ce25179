import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Drover, PROGRAM } from '../helpers/drover.js'
import { Terminal } from '../helpers/terminal.js'
import { until } from '../helpers/until.js'
import { startRedis, type TestServer } from './support.js'

const BAR = /[━─]{8}/

let server: TestServer
let folder: string
let terminal: Terminal

beforeAll(async () => {
  server = await startRedis()
  folder = mkdtempSync(join(tmpdir(), 'drover-fleet-progress-'))
  const program = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`
  writeFileSync(join(folder, 'drover'), program, { mode: 0o755 })
  const env = { PATH: `${folder}:${process.env.PATH}`, QUEUE: server.address('progress') }
  terminal = await Terminal.open({ columns: 80, rows: 24, cwd: folder, env })
}, 120_000)
afterAll(async () => {
  await terminal?.[Symbol.asyncDispose]()
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

it('submit --wait shows how far the queue is, whoever works on it, and leaves one line', async () => {
  terminal.enter(`drover submit --queue $QUEUE --wait 'sleep 0.3; [ {} != 2 ] || exit 3' ::: $(seq 20); echo status $?`)
  const waiting = await terminal.shows(/0 of 20 done/)
  expect(waiting).toMatch(BAR)
  expect(waiting).toMatch(/0 running · 20 queued/)
  const worker = new Drover(['work', '--queue', server.address('progress'), '-j', '2'])
  try {
    await until('it works', () => worker.stderr.includes(' works for '))
    await terminal.shows(/of 20 done · 1 failed · 2 running · \d+ queued/)
    expect(await terminal.shows(/✗ #2 +exit 3/)).toMatch(BAR)
    await terminal.shows('status 1', 30_000)
    expect(terminal.screen).toMatch(/drover: 20 done, 1 failed in/)
    expect(terminal.screen).not.toMatch(BAR)
  } finally {
    worker.process.kill('SIGTERM')
    await worker.end
  }
})
