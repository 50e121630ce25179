import { TaskQueue } from '../dispatch/task-queue.js'
import { checkCount, checkOneOf, rejectUnknown } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import { type Attempt, RESULT_STATES, type Result, type ResultState } from '../task/result.js'
import { type DamagedLine, type FoundRecord, JournalFile } from './journal-file.js'
import { NewestResults } from './newest-results.js'

/** How a journal is read. All of it is optional. */
export interface ReadResultsOptions {
  /** Gives only what is in one of these states; the newest result decides first. Default: all states. */
  readonly states?: readonly ResultState[] | undefined
  /** Gives only tasks with one of these ids. Default: all tasks. */
  readonly ids?: readonly string[] | undefined
  /** Gives every final result of every run, and not only the newest one of each task. Default: false. */
  readonly all?: boolean | undefined
  /**
   * Gives also the tries that were followed by another: without `all`, those that were made after the result that the
   * newest one has replaced. Default: false.
   */
  readonly attempts?: boolean | undefined
  /** Gives only so many, those that took longest, the slowest first. Default: all, in the order of the file. */
  readonly slowest?: number | undefined
  /** Called once for each line that is no record, as after a power cut; it is passed over. Default: nothing is called. */
  readonly onDamage?: ((line: DamagedLine) => void) | undefined
}

const KNOWN = ['states', 'ids', 'all', 'attempts', 'slowest', 'onDamage']

/**
 * Reads the results in a journal, or in what `drover run --json` has printed, in the order of the file. It may still be
 * being written: it is read up to where it ended at the beginning; no lock is taken and nothing is changed. A torn last
 * line is no result. Memory: 16 to 43 bytes for each task (64 while that grows), with `all` none.
 *
 * @param path - of the file, which is read twice unless `all` is given.
 * @throws OptionError at once for an option that cannot be used; while it is iterated, JournalError when the file is
 * missing, cannot be read, is no journal, or is of a later format.
 *
 * @example
 * for await (const { id, stderr } of readResults('night.jsonl', { states: ['failed'] })) console.log(id, stderr)
 */
export function readResults(
  path: string,
  options?: ReadResultsOptions & { readonly attempts?: false | undefined },
): AsyncGenerator<Result, void>
export function readResults(path: string, options: ReadResultsOptions): AsyncGenerator<Result | Attempt, void>
export function readResults(path: string, options: ReadResultsOptions = {}): AsyncGenerator<Result | Attempt, void> {
  checkOptions(path, options)
  return read(path, options)
}

async function* read(path: string, options: ReadResultsOptions): AsyncGenerator<Result | Attempt, void> {
  const file = await JournalFile.open(path)
  try {
    const chosen = chosenRecords(file, options)
    if (options.slowest === undefined) {
      for await (const found of chosen) for (const { record } of found) yield record
    } else {
      for (const place of await slowestOf(chosen, options.slowest)) yield await file.recordAt(place)
    }
  } finally {
    await file.close()
  }
}

/** What the options choose, some at a time. */
async function* chosenRecords(
  file: JournalFile,
  options: ReadResultsOptions,
): AsyncGenerator<readonly FoundRecord[], void> {
  const { all = false, attempts = false, onDamage } = options
  const ids = options.ids === undefined ? null : new Set<string | null>(options.ids)
  const states = options.states === undefined ? null : new Set(options.states)
  const mayCount = ({ record }: FoundRecord) =>
    (ids === null || ids.has(record.id)) && (attempts || record.type === 'result')
  const isChosen = ({ record }: FoundRecord) => states === null || states.has(record.state)
  if (all) {
    for await (const found of file.records(onDamage)) yield found.filter((one) => mayCount(one) && isChosen(one))
    return
  }
  const newest = new NewestResults(attempts)
  for await (const found of file.records(onDamage)) {
    for (const one of found) if (mayCount(one) && one.record.type === 'result') newest.note(one.record, one.offset)
  }
  for await (const found of file.records()) {
    yield found.filter((one) => mayCount(one) && isChosen(one) && newest.includes(one.record, one.offset))
  }
}

interface SlowPlace extends Pick<FoundRecord, 'offset' | 'bytes'> {
  readonly priority: number
  readonly order: number
}

/** Where the slowest ones are; among equals those that come first in the file. What they hold is not kept meanwhile. */
async function slowestOf(records: AsyncIterable<readonly FoundRecord[]>, count: number): Promise<SlowPlace[]> {
  // The quickest of the slowest ones is at its head, to be replaced.
  const slowest = new TaskQueue<SlowPlace>()
  for await (const found of records) {
    for (const { offset, bytes, record } of found) {
      slowest.push({ offset, bytes, priority: -record.durationMs, order: -offset })
      if (slowest.size > count) slowest.pop()
    }
  }
  return slowest.drain().reverse()
}

/** @throws OptionError that names the option and what was expected. */
function checkOptions(path: string, options: ReadResultsOptions): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new OptionError(`readResults(): expected the path of a file, not ${JSON.stringify(path)}`)
  rejectUnknown('readResults()', options, KNOWN)
  const { states, ids, slowest, onDamage } = options
  for (const state of listOf('states', states)) checkOneOf('states', state as ResultState, RESULT_STATES)
  for (const id of listOf('ids', ids)) {
    if (typeof id !== 'string') throw new OptionError(`ids: expected strings, not ${JSON.stringify(id)}`)
  }
  for (const name of ['all', 'attempts'] as const) {
    const value: unknown = options[name] ?? false
    if (typeof value !== 'boolean') throw new OptionError(`${name}: expected true or false, not ${String(value)}`)
  }
  if (slowest !== undefined) checkCount('slowest', slowest, 1)
  if (onDamage !== undefined && typeof onDamage !== 'function')
    throw new OptionError(`onDamage: expected a function, not ${String(onDamage)}`)
}

function listOf(name: string, value: unknown): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new OptionError(`${name}: expected an array, not ${JSON.stringify(value)}`)
  return value
}
