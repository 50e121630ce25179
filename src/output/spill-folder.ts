import { promises, rmSync } from 'node:fs'
import { tmpdir as systemTmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClosedError } from '../task/errors.js'
import { ignore } from './maybe.js'
import { isOutOfDescriptors, nodeSystem, SpillFile, type SpillSystem, spillError } from './spill-file.js'
import { folderPrefix, removeStaleFolders } from './stale-folders.js'

export interface SpillFolderOptions {
  /** The folder is made below this one, which must exist. Default: `os.tmpdir()`. */
  readonly tmpdir?: string | undefined
  /** How many descriptors are held; further files keep their name and are opened for each use. Default: 256. */
  readonly openFiles?: number | undefined
  /** Milliseconds to wait for a free descriptor before that is an error. Default: 30 s. */
  readonly patienceMs?: number | undefined
  readonly system?: SpillSystem | undefined
}

const RETRY_MOST_MS = 100

/**
 * A private folder (mode 0700) for output that outgrew memory. It is made when the first file is, and then folders that
 * killed runs left beside it are removed.
 */
export class SpillFolder {
  readonly #tmpdir: string
  readonly #openFiles: number
  readonly #patienceMs: number
  readonly #system: SpillSystem
  readonly #files = new Set<SpillFile>()
  readonly #creating = new Set<Promise<unknown>>()
  #heldFiles = 0
  #count = 0
  #path: string | null = null
  #making: Promise<string> | null = null
  #closing: Promise<void> | null = null

  constructor(options: SpillFolderOptions = {}) {
    this.#tmpdir = resolve(options.tmpdir ?? systemTmpdir())
    this.#openFiles = options.openFiles ?? 256
    this.#patienceMs = options.patienceMs ?? 30_000
    this.#system = options.system ?? nodeSystem
  }

  /** Where the folder is; null before the first file. */
  get path(): string | null {
    return this.#path
  }

  /** How many files there are, open or not. */
  get fileCount(): number {
    return this.#files.size
  }

  /**
   * A new, empty file, or null when there is no descriptor for it just now. Rejects with `ERR_DROVER_SPILL`, and with
   * `ERR_DROVER_CLOSED` after {@link close}.
   */
  tryCreate(): Promise<SpillFile | null> {
    return this.#track(async () => {
      try {
        return await this.#create()
      } catch (error) {
        if (isOutOfDescriptors(error)) return null
        throw spillError(this.#path ?? this.#tmpdir, error)
      }
    })
  }

  /** Like {@link tryCreate}, but waits for a descriptor, and rejects when none became free in time. */
  create(): Promise<SpillFile> {
    return this.#track(async () => {
      try {
        return await this.#patiently(() => this.#create())
      } catch (error) {
        throw spillError(this.#path ?? this.#tmpdir, error)
      }
    })
  }

  /** Closes all files and removes the folder. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Removes the folder at once, for a handler of `exit`; open files go with the process. Never throws. */
  removeSync(): void {
    if (this.#path === null) return
    try {
      rmSync(this.#path, { recursive: true, force: true })
    } catch {
      // The next run removes it.
    }
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#creating)
    await Promise.all([...this.#files].map((file) => file.close()))
    if (this.#path !== null) await promises.rm(this.#path, { recursive: true, force: true }).catch(ignore)
  }

  #track<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) return Promise.reject(new ClosedError('the folder for spilled output'))
    const creation = action()
    this.#creating.add(creation)
    const forget = () => this.#creating.delete(creation)
    creation.then(forget, forget)
    return creation
  }

  async #create(): Promise<SpillFile> {
    // Counted before the first wait, so that files that are made at the same time keep to the limit as well.
    const hold = this.#heldFiles < this.#openFiles
    if (hold) this.#heldFiles += 1
    try {
      return await this.#createAs(hold)
    } catch (error) {
      if (hold) this.#heldFiles -= 1
      throw error
    }
  }

  async #createAs(hold: boolean): Promise<SpillFile> {
    this.#count += 1
    const name = `output-${this.#count}`
    const { fd, path } = await this.#openNew(name)
    const isNamed = await this.#release(fd, path, hold)
    const file = new SpillFile(
      this.#path!,
      { fd: hold ? fd : null, path: isNamed ? path : null },
      this.#system,
      (again) => this.#patiently(() => this.#system.open(again, 'r+')),
      (closed) => {
        this.#files.delete(closed)
        if (hold) this.#heldFiles -= 1
      },
    )
    this.#files.add(file)
    return file
  }

  /** Takes the name from a file that is held, and closes one that is not. Returns whether it still has a name. */
  async #release(fd: number, path: string, hold: boolean): Promise<boolean> {
    if (!hold) {
      await this.#system.close(fd)
      return true
    }
    try {
      await this.#system.unlink(path)
      return false
    } catch {
      return true
    }
  }

  async #openNew(name: string): Promise<{ fd: number; path: string }> {
    for (let tries = 1; ; tries++) {
      this.#making ??= this.#make()
      const path = join(await this.#making, name)
      try {
        return { fd: await this.#system.open(path, 'wx+', 0o600), path }
      } catch (error) {
        // Something that tidies up the folder for temporary files has taken ours.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries > 1) throw error
        this.#making = null
      }
    }
  }

  async #make(): Promise<string> {
    try {
      const path = await promises.mkdtemp(join(this.#tmpdir, folderPrefix()))
      this.#path = path
      void removeStaleFolders(this.#tmpdir)
      return path
    } catch (error) {
      this.#making = null
      throw error
    }
  }

  async #patiently<T>(action: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#patienceMs
    for (let delay = 1; ; delay = Math.min(delay * 2, RETRY_MOST_MS)) {
      try {
        return await action()
      } catch (error) {
        if (!isOutOfDescriptors(error) || performance.now() >= deadline) throw error
      }
      await sleep(delay)
    }
  }
}
