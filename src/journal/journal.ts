import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { ResultJournal } from '../dispatch/result-journal.js'
import { type LauncherChoice, launcherFor } from '../launcher/default-launcher.js'
import type { Launcher } from '../launcher/port.js'
import { DroverError } from '../task/errors.js'
import { contentKey } from '../task/key.js'
import { type Attempt, isConclusive, type Result, type ResultState } from '../task/result.js'
import { resultPieces } from '../task/result-json.js'
import type { Task } from '../task/task.js'
import { AppendFile, type Fsync } from './append-file.js'
import { DoneTasks } from './done-tasks.js'
import { JournalError, journalErrorOf } from './journal-error.js'
import { lockJournal, lockJournalAgain } from './journal-lock.js'
import { checkJournalOptions } from './journal-options.js'
import type { JournalLock } from './lock-holder.js'
import { recordLines } from './record-lines.js'
import { FORMAT_VERSION, parseRecord, type RunRecord } from './records.js'
import { checkBeginning, repairEnd } from './repair.js'

/** How a journal is opened. All of it is optional. */
export interface JournalOptions {
  /** Runs only tasks that have no conclusive result in it. Default: false. */
  readonly resume?: boolean
  /** Runs all tasks that have not succeeded in it. Default: false. */
  readonly retryFailed?: boolean
  /** Runs a task again whose id has another content in it, which else is an error. Default: false. */
  readonly acceptChanges?: boolean
  /**
   * When records are forced to the disk: `always` before a result is announced, `interval` once a second, `never` leaves it
   * to the system. All of them survive the death of drover, only `always` a power cut. Default: `interval`.
   */
  readonly fsync?: Fsync
  /** Who holds the lock. Default: the best that works here. */
  readonly launcher?: LauncherChoice | undefined
  /** What is run, for the header of each run. Default: nothing. */
  readonly command?: readonly string[]
}

/** What opening a journal has found in it. */
export interface JournalFindings {
  /** Bytes of a torn last record, or of NULs, that were cut off; a crash leaves them. */
  readonly cutBytes: number
  /** Lines that are no records, as a power cut can leave them; their tasks are run again. 0 where it was not read. */
  readonly damagedLines: number
}

/**
 * A file of results, one JSON object a line, written as they become known and before anyone is told of them:
 *
 *   {"type":"run",…}       the head of each run
 *   {"type":"attempt",…}   a try that is followed by another
 *   {"type":"result",…}    the final result of a task; the newest one decides
 *
 * One drover at a time writes to it. Give it to `dispatch()` or a `Dispatcher`, and close it when the run is over.
 *
 * @example
 * await using journal = await Journal.open('night.jsonl', { resume: true })
 * const summary = await dispatch(tasks, { journal }).summary()
 */
export class Journal implements ResultJournal, AsyncDisposable {
  /** The file. */
  readonly path: string
  /** What was there when it was opened. */
  readonly findings: JournalFindings
  readonly #options: JournalOptions
  readonly #launcher: Launcher
  readonly #lockFile: string
  readonly #handle: FileHandle
  readonly #file: AppendFile
  readonly #done: DoneTasks | null
  #lock: JournalLock
  #isClosing = false
  #closed: Promise<void> | null = null

  private constructor(path: string, options: JournalOptions, launcher: Launcher, opened: Opened) {
    this.path = path
    this.findings = { cutBytes: opened.cutBytes, damagedLines: opened.damagedLines }
    this.#options = options
    this.#launcher = launcher
    this.#lockFile = opened.lockFile
    this.#handle = opened.handle
    this.#done = opened.done
    this.#lock = opened.lock
    this.#file = new AppendFile(opened.handle.fd, path, opened.size, options.fsync ?? 'interval')
    this.#watchLock()
  }

  /**
   * Opens a journal, which is made (mode 0600) where there is none, for one drover alone: beside it a file `.lock` is
   * locked. A torn end is cut off; with `resume` or `retryFailed` all of it is read.
   *
   * @throws (as a rejection) OptionError for an option that cannot be used; JournalError when the file is none, cannot be
   * written, or is being written by another drover.
   */
  static async open(path: string, options: JournalOptions = {}): Promise<Journal> {
    checkJournalOptions(path, options)
    const launcher = launcherFor(options.launcher)
    const opened = await openLocked(path, options, launcher)
    return new Journal(path, options, launcher, opened)
  }

  /** How many tasks have a result in it; 0 where it was not read. */
  get size(): number {
    return this.#done?.size ?? 0
  }

  /** Aborted when it was closed, or can be written no more, with the error that says so; runs that use it end. */
  get ended(): AbortSignal {
    return this.#file.ended
  }

  begin(run: string): void {
    const head: RunRecord = {
      type: 'run',
      version: FORMAT_VERSION,
      run,
      startedAt: new Date().toISOString(),
      pid: process.pid,
      host: hostname(),
      cwd: process.cwd(),
      command: this.#options.command ?? [],
    }
    // The first result waits behind it, and fails with it.
    this.#file.append([Buffer.from(`${JSON.stringify(head)}\n`)]).catch(() => {})
  }

  stateOf(task: Task, key: string): ResultState | null {
    const known = this.#done?.lookUp(task.id ?? null, key) ?? 'unknown'
    if (known === 'unknown') return null
    if (known !== 'changed') {
      const isDone = this.#options.retryFailed === true ? known === 'succeeded' : isConclusive(known)
      return isDone ? known : null
    }
    if (this.#options.acceptChanges === true) return null
    throw new DroverError('ERR_DROVER_TASK_CHANGED', this.#changedWords(task))
  }

  /** Says in words that the task's id stands for another task in it; null for all others. To look before anything runs. */
  problemOf(task: Task): string | null {
    if (task.id === undefined || this.#done === null || this.#options.acceptChanges === true) return null
    return this.#done.lookUp(task.id, contentKey(task)) === 'changed' ? this.#changedWords(task) : null
  }

  #changedWords({ id }: Task): string {
    return `the task ${JSON.stringify(id)} runs something else in ${this.path}; give it a new id, or run it again with --accept-changes`
  }

  commit(result: Result): Promise<void> {
    return this.#append(result)
  }

  record(attempt: Attempt): Promise<void> {
    return this.#append(attempt)
  }

  /**
   * Ends the writing and gives back the lock.
   *
   * @throws (as a rejection) JournalError when something that was written may not be there.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #append(record: Result | Attempt): Promise<void> {
    const pieces: Buffer[] = []
    for (const piece of resultPieces(record)) pieces.push(Buffer.from(piece))
    pieces.push(NEWLINE)
    return this.#file.append(pieces)
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    try {
      await this.#file.finish()
    } finally {
      await this.#handle.close().catch(() => {})
      await this.#lock.release()
    }
  }

  /** A launcher that dies takes the lock with it; the next one is to have it before anyone else. */
  #watchLock(): void {
    this.#lock.lost?.addEventListener('abort', () => void this.#lockAgain(), { once: true })
  }

  async #lockAgain(): Promise<void> {
    if (this.#isClosing) return
    try {
      this.#lock = await lockJournalAgain(this.path, this.#lockFile, this.#launcher)
      this.#watchLock()
      if (this.#isClosing) await this.#lock.release()
    } catch (error) {
      this.#file.fail(journalErrorOf(this.path, 'locked again', error))
    }
  }
}

const NEWLINE = Buffer.from('\n')

interface Opened extends JournalFindings {
  readonly handle: FileHandle
  readonly lock: JournalLock
  /** Absolute: the program may go to another directory. */
  readonly lockFile: string
  readonly size: number
  readonly done: DoneTasks | null
}

async function openLocked(path: string, options: JournalOptions, launcher: Launcher): Promise<Opened> {
  let handle: FileHandle | null = null
  let lock: JournalLock | null = null
  try {
    const { O_RDWR, O_CREAT, O_APPEND, O_NONBLOCK } = constants
    handle = await open(path, O_RDWR | O_CREAT | O_APPEND | (O_NONBLOCK ?? 0), 0o600)
    const stats = await handle.stat()
    if (!stats.isFile()) throw new JournalError(path, 'is no ordinary file; name one that is')
    // Before the lock, which leaves a file beside it.
    await checkBeginning(handle, path, stats.size)
    const lockFile = `${await realpath(path)}.lock`
    lock = await lockJournal(path, lockFile, launcher)
    const { size, cutBytes } = await repairEnd(handle, path)
    if (size === 0 && options.fsync !== 'never') await syncDirectory(dirname(path))
    const reads = options.resume === true || options.retryFailed === true
    const { done, damagedLines } = reads ? await readDone(handle, size) : { done: null, damagedLines: 0 }
    return { handle, lock, lockFile, size, cutBytes, done, damagedLines }
  } catch (error) {
    await handle?.close()
    await lock?.release()
    throw journalErrorOf(path, 'opened', error)
  }
}

async function readDone(file: FileHandle, size: number): Promise<{ done: DoneTasks; damagedLines: number }> {
  const done = new DoneTasks()
  let damagedLines = 0
  for await (const lines of recordLines(file, size)) {
    for (const { bytes } of lines) {
      const record = parseRecord(bytes)
      if (record === null) damagedLines += bytes.length > 0 ? 1 : 0
      else if (record.type === 'result') done.note(record)
    }
  }
  return { done, damagedLines }
}

/** So that the name of a new file is there after a power cut, too. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
