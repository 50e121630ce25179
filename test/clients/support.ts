import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type PoolOptions, ProcessPool } from '../../src/index.js'

export const programFile = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))

export const clientFile = (name: string): string => fileURLToPath(new URL(`../../clients/${name}`, import.meta.url))

/** A language that has a client: the program that runs its files, and what they are called. */
export interface Language {
  readonly name: 'PHP' | 'Python'
  readonly program: 'php' | 'python3'
  readonly extension: 'php' | 'py'
  readonly workerFile: string
}

export const LANGUAGES: readonly Language[] = [
  { name: 'PHP', program: 'php', extension: 'php', workerFile: clientFile('php/DroverWorker.php') },
  { name: 'Python', program: 'python3', extension: 'py', workerFile: clientFile('python/drover_worker.py') },
]

/** A pool of the workers in programs/, which is destroyed when the test is over. */
export function workerPool({ program, extension }: Language, options: PoolOptions = {}): ProcessPool {
  const pool = new ProcessPool(program, [programFile(`worker.${extension}`)], {
    protocol: 'frames',
    max: 1,
    ...options,
  })
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  return pool
}
