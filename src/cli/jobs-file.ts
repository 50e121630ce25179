import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { OptionError } from '../task/errors.js'
import { fileName, parseJobs, systemReason } from './values.js'

const INTERVAL_MS = 500

/**
 * Reads how many jobs from the first line of a file, as `--jobs` has it.
 *
 * @throws OptionError when it cannot be read, or says something else.
 */
export function readJobsFile(path: string): number {
  let words: string
  try {
    words = readFileSync(fileName('--jobs-file', path), 'utf8').split('\n')[0]!.trim()
  } catch (error) {
    if (error instanceof OptionError) throw error
    throw new OptionError(`--jobs-file: ${path} cannot be read: ${systemReason(error)}`)
  }
  try {
    return parseJobs(words)
  } catch (error) {
    throw new OptionError(`--jobs-file: ${path}: ${(error as Error).message.replace(/^--jobs: /, '')}`)
  }
}

/**
 * Reads the file again whenever it is changed. What cannot be understood leaves the number as it was, and is told. Keeps no event loop alive.
 *
 * @returns a function that ends it.
 */
export function followJobsFile(path: string, set: (jobs: number) => void, say: (message: string) => void): () => void {
  const onChange = () => {
    try {
      set(readJobsFile(path))
    } catch (error) {
      say(`${(error as Error).message}; the number of jobs stays as it is`)
    }
  }
  watchFile(path, { interval: INTERVAL_MS, persistent: false }, onChange)
  return () => unwatchFile(path, onChange)
}
