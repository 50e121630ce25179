import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../task/sha256.js'
import type { Task } from '../task/task.js'

/** Names of files are no longer than 255 bytes nearly everywhere; a suffix is to come. */
const LONGEST_NAME = 200
const HASH_DIGITS = 16

/**
 * Names of files for what tasks print, one pair for each task, in one directory: `NAME.stdout` and `NAME.stderr`. A task
 * without an id has its number, from 1, for a name.
 */
export class ResultFiles {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** @throws the system's error when the directory cannot be made; what is above it is made as well. */
  static async open(directory: string): Promise<ResultFiles> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return new ResultFiles(directory)
  }

  /** Where the records of the results are. No task has this name. */
  get index(): string {
    return join(this.directory, 'index.jsonl')
  }

  filesOf({ id }: Pick<Task, 'id'>, index: number): { stdout: string; stderr: string } {
    const name = join(this.directory, id === undefined ? String(index + 1) : safeName(id))
    return { stdout: `${name}.stdout`, stderr: `${name}.stderr` }
  }
}

/** Where file names that differ in case are the same file, capitals are escaped too. */
const UNSAFE = process.platform === 'linux' ? /[^\w.-]|^\./g : /[^a-z0-9_.-]|^\./g

/**
 * A name that no other id has, whatever is in it, and no task without an id: letters, digits, `.`, `_` and `-` are as they
 * were, every other byte is `%` and two digits, a dot at the start too. What is too long ends with a hash.
 */
export function safeName(id: string): string {
  const escaped = Buffer.from(id)
    .toString('latin1')
    .replace(UNSAFE, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
  // Numbers are the names of tasks without an id.
  const named = /^(?:id-)*\d+$/.test(escaped) ? `id-${escaped}` : escaped
  if (named.length <= LONGEST_NAME) return named
  const hash = sha256().update(id).digest('hex').slice(0, HASH_DIGITS)
  return `${named.slice(0, LONGEST_NAME - HASH_DIGITS - 1)}%${hash}`
}
