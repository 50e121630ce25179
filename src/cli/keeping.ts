import { fstatSync, type Stats, statSync } from 'node:fs'
import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import type { Summary } from '../dispatch/progress.js'
import { Journal, type JournalOptions } from '../journal/journal.js'
import { JournalError } from '../journal/journal-error.js'
import { ResultFiles } from '../output/result-files.js'
import { OptionError } from '../task/errors.js'
import { uniqueId } from '../task/unique-id.js'
import type { Messages } from './messages.js'
import type { JournalRequest } from './run-options.js'
import { systemReason } from './values.js'

/** What a run keeps: its journal, and the files of `--results` with their index. */
export interface Kept {
  readonly journal: Journal | null
  readonly dispatch: DispatchSourceOptions
  /** @throws (as a rejection) JournalError when something that was written may not be there. */
  close(): Promise<void>
}

export interface KeepingRequest {
  readonly journal: JournalRequest | null
  /** The directory of `--results`. */
  readonly results: string | null
  readonly dryRun: boolean
}

/** @throws OptionError when something cannot be used: nothing has been started yet. */
export async function openKept({ journal: asked, results, dryRun }: KeepingRequest): Promise<Kept> {
  // What would be run depends on a journal only when a run is resumed.
  const isNeeded = asked !== null && (!dryRun || asked.resume === true || asked.retryFailed === true)
  const journal = isNeeded ? await openJournal('--journal', asked.path, asked) : null
  try {
    if (results === null || dryRun) {
      return { journal, dispatch: journal === null ? {} : { journal }, close: async () => journal?.close() }
    }
    const files = await openFiles(results)
    const index = await openJournal('--results', files.index, { fsync: 'never', launcher: asked?.launcher })
    const run = uniqueId()
    index.begin(run)
    return {
      journal,
      dispatch: {
        ...(journal !== null && { journal }),
        run,
        keys: true,
        output: (task, { index }) => files.filesOf(task, index),
        onResult: (result) => index.commit(result),
      },
      close: async () => {
        await Promise.all([index.close(), journal?.close()])
      },
    }
  } catch (error) {
    await journal?.close()
    throw error
  }
}

async function openJournal(
  option: string,
  path: string,
  request: JournalOptions & { path?: string },
): Promise<Journal> {
  const { path: _, ...options } = request
  checkNotPrintedTo(option, path)
  try {
    return await Journal.open(path, options)
  } catch (error) {
    if (error instanceof JournalError) throw new OptionError(`${option}: ${error.message}`)
    throw error
  }
}

/** Both would write over each other. */
function checkNotPrintedTo(option: string, path: string): void {
  const file = statSync(path, { throwIfNoEntry: false })
  for (const [fd, name] of ['standard output', 'standard error'].entries()) {
    const stream = file === undefined ? null : statsOf(fd + 1)
    if (stream !== null && stream.dev === file?.dev && stream.ino === file.ino && stream.isFile())
      throw new OptionError(`${option}: ${path} is where ${name} goes; name another file`)
  }
}

/** Null for a descriptor that is closed. */
function statsOf(fd: number): Stats | null {
  try {
    return fstatSync(fd)
  } catch {
    return null
  }
}

async function openFiles(directory: string): Promise<ResultFiles> {
  try {
    return await ResultFiles.open(directory)
  } catch (error) {
    throw new OptionError(`--results: ${directory} cannot be made: ${systemReason(error)}; name another directory`)
  }
}

/** What a crash has left in it is nothing to worry about, but to be known. */
export function tellOfFindings({ path, findings }: Journal, messages: Messages): void {
  const { cutBytes, damagedLines } = findings
  if (cutBytes > 0) messages.say(`${path}: the last record was torn and has been cut off (${cutBytes} bytes)`)
  if (damagedLines > 0) {
    const lines = damagedLines === 1 ? '1 line is no record' : `${damagedLines} lines are no records`
    messages.say(`${path}: ${lines}, as after a power cut; what they told of is run again`)
  }
}

export function tellOfDone({ alreadyDone, alreadyFailed }: Summary, messages: Messages): void {
  if (alreadyDone === 0) return
  const tasks = `${alreadyDone.toLocaleString('en')} ${alreadyDone === 1 ? 'task was' : 'tasks were'} done before`
  const failed =
    alreadyFailed === 0
      ? ''
      : `, ${alreadyFailed.toLocaleString('en')} without success; --retry-failed runs those again`
  messages.say(`${tasks}${failed}`)
}

/** How to go on after a run that ended early. */
export function tellOfResuming({ complete }: Summary, journal: Journal | null, messages: Messages): void {
  if (!complete && journal !== null) messages.say(`the same call with --resume runs what is left`)
}
