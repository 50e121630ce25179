import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAlive } from './processes.js'
import { until } from './until.js'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const ENTRY = join(ROOT, 'dist/index.js')
const NAME = join(tmpdir(), `drover-build-${createHash('sha256').update(ROOT).digest('hex').slice(0, 16)}`)
/** Written after a whole build: its time says how fresh that is. */
const STAMP = `${NAME}.stamp`
const LOCK = `${NAME}.lock`

/** The built library as a URL to import, for programs of the tests' own; it is built first when it is older than its source. */
export async function builtLibrary(): Promise<string> {
  if (!isFresh()) {
    await lock()
    try {
      if (!isFresh()) build()
    } finally {
      rmSync(LOCK, { force: true })
    }
  }
  return new URL(`file://${ENTRY}`).href
}

function build(): void {
  const startedAt = new Date()
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: 'pipe',
    })
  } catch (error) {
    // Types are checked elsewhere; what counts here is that there is something to run.
    if (!existsSync(ENTRY)) throw error
  }
  writeFileSync(STAMP, '')
  // What was changed during the build may not be in it.
  utimesSync(STAMP, startedAt, startedAt)
}

function isFresh(): boolean {
  if (!existsSync(ENTRY) || !existsSync(STAMP)) return false
  return newestIn(join(ROOT, 'src')) < statSync(STAMP).mtimeMs
}

function newestIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(folder, entry.name)
    return Math.max(newest, entry.isDirectory() ? newestIn(path) : statSync(path).mtimeMs)
  }, 0)
}

async function lock(): Promise<void> {
  await until(
    'nobody else builds',
    () => {
      try {
        writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
        return true
      } catch {
        removeStaleLock()
        return false
      }
    },
    60_000,
  )
}

/** One whose owner is gone, as after a test run that was killed. */
function removeStaleLock(): void {
  try {
    const { mtimeMs } = statSync(LOCK)
    const owner = Number(readFileSync(LOCK, 'utf8'))
    if (owner > 0 ? !isAlive(owner) : Date.now() - mtimeMs > 5_000) rmSync(LOCK, { force: true })
  } catch {
    // It went meanwhile.
  }
}
