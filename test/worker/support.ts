import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'
import { type PoolOptions, ProcessPool, type WorkerExit } from '../../dist/index.js'

/** What a worker imports. */
export const WORKER = new URL('../../dist/worker/index.js', import.meta.url).href

/** The file of a worker with this text, which is removed when the test is over. */
export function workerFile(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-worker-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'worker.mjs')
  writeFileSync(file, `import { serve } from ${JSON.stringify(WORKER)}\n${source}`)
  return file
}

/** A pool over a module with this text, in which `serve` is imported. */
export function modulePool(source: string, options: PoolOptions = {}): ProcessPool {
  return kept(new ProcessPool(pathToFileURL(workerFile(source)), { max: 1, ...options }))
}

/** A pool over the same as a command. */
export function commandPool(source: string, options: PoolOptions): ProcessPool {
  return kept(new ProcessPool(process.execPath, [workerFile(source)], { max: 1, ...options }))
}

/** What became of the workers of a pool that is closed. */
export async function exitsOf(pool: ProcessPool): Promise<WorkerExit[]> {
  const exits: WorkerExit[] = []
  pool.on('exit', (exit) => exits.push(exit))
  await pool.close()
  return exits
}

function kept(pool: ProcessPool): ProcessPool {
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  return pool
}
