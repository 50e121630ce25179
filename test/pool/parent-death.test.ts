import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { processesWith } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { programFile } from './support.js'

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href

/** Three workers, one of which left a child in a session of its own, one that does not heed TERM, one that is busy. */
const parent = (word: string) => `
  import { ProcessPool } from ${JSON.stringify(LIBRARY)}
  const args = [${JSON.stringify(programFile('hostile.mjs'))}, 'frames', '${word}']
  const pool = new ProcessPool(process.execPath, args, { protocol: 'frames', min: 3, max: 3, launcher: 'native' })
  const ask = (act) => pool.request(JSON.stringify({ text: 'x', ...act }))
  await Promise.all([ask({ act: 'fork', own: true, holds: true }), ask({ act: 'stay' }), ask({ act: 'slow' })])
  console.log('ready')
  await ask({ act: 'silent' })`

it.each(['SIGINT', 'SIGKILL'] as const)(
  'when the parent dies of %s no worker is left, nor what it started',
  async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-parent-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const seconds = `2${process.pid}.${signal.length}`
    writeFileSync(join(folder, 'parent.mjs'), parent(`w${seconds}`))
    const child = spawn(process.execPath, [join(folder, 'parent.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const ours = () => processesWith(seconds)
    expect(ours().length).toBeGreaterThanOrEqual(4)
    child.kill(signal)
    await until('nothing of it is left', () => ours().length === 0)
  },
)
