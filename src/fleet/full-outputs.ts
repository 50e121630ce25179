import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { OutputStream } from '../launcher/port.js'
import { OptionError } from '../task/errors.js'

/** `drover/outputs` in `$XDG_STATE_HOME`, else in `~/.local/state`. */
export function defaultOutputs(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env.XDG_STATE_HOME
  return join(given?.startsWith('/') ? given : join(homedir(), '.local/state'), 'drover/outputs')
}

/** Where the whole output is kept of tasks that print more than goes through the queue: a file for each stream. */
export class FullOutputs {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #onError: (error: Error) => void
  readonly #tasks = new Map<number, { readonly path: string; attempt: number; streams: Record<OutputStream, Kept> }>()

  /**
   * @param maxBytes - of a stream; what prints no more leaves no file.
   * @param onError - told of a file that cannot be written; the task goes on.
   * @throws OptionError for a folder that cannot be made.
   */
  constructor(folder: string, maxBytes: number, onError: (error: Error) => void) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#onError = onError
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new OptionError(`outputs: ${folder} cannot be made: ${(error as Error).message}; name another directory`)
    }
  }

  /** Begins a task, by its place in the dispatcher. */
  begin(index: number, run: string, key: string): void {
    this.#tasks.set(index, { path: join(this.#folder, run, key), attempt: 0, streams: this.#streams('') })
  }

  /** Takes a piece. The promise is backpressure. */
  take(index: number, attempt: number, stream: OutputStream, chunk: Buffer): void | Promise<void> {
    const task = this.#tasks.get(index)
    if (task === undefined) return undefined
    if (task.attempt !== attempt) {
      for (const old of Object.values(task.streams)) void old.end()
      task.attempt = attempt
      task.streams = this.#streams(attempt > 1 ? `${task.path}.${attempt}` : task.path)
    }
    return task.streams[stream].take(chunk)
  }

  /** The files that there are of a task, whose result is there. */
  async end(index: number): Promise<{ stdoutFile?: string; stderrFile?: string }> {
    const task = this.#tasks.get(index)
    this.#tasks.delete(index)
    if (task === undefined) return {}
    const [stdoutFile, stderrFile] = await Promise.all([task.streams.stdout.end(), task.streams.stderr.end()])
    return { ...(stdoutFile !== null && { stdoutFile }), ...(stderrFile !== null && { stderrFile }) }
  }

  /** Removes files that are older, and folders that are empty. */
  removeOld(ageMs: number): void {
    const oldest = Date.now() - ageMs
    for (const run of readdirSync(this.#folder)) {
      const folder = join(this.#folder, run)
      try {
        const files = readdirSync(folder)
        const old = files.filter((file) => statSync(join(folder, file)).mtimeMs < oldest)
        for (const file of old) rmSync(join(folder, file), { force: true })
        if (old.length === files.length && statSync(folder).mtimeMs < oldest) rmSync(folder, { recursive: true })
      } catch {
        // Another worker of this machine was there first, or it is none of ours.
      }
    }
  }

  #streams(path: string): Record<OutputStream, Kept> {
    const kept = (stream: OutputStream) => new Kept(`${path}.${stream}`, this.#maxBytes, this.#onError)
    return { stdout: kept('stdout'), stderr: kept('stderr') }
  }
}

/** One stream: in memory as long as it is short, then in a file. */
class Kept {
  readonly #path: string
  readonly #maxBytes: number
  readonly #onError: (error: Error) => void
  #chunks: Buffer[] = []
  #bytes = 0
  #file: Promise<FileHandle | null> | null = null
  #written: Promise<void> = Promise.resolve()

  constructor(path: string, maxBytes: number, onError: (error: Error) => void) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#onError = onError
  }

  take(chunk: Buffer): void | Promise<void> {
    this.#bytes += chunk.length
    this.#chunks.push(chunk)
    if (this.#bytes <= this.#maxBytes) return undefined
    this.#file ??= this.#open()
    const chunks = this.#chunks
    this.#chunks = []
    this.#written = this.#written.then(() => this.#write(chunks))
    return this.#written
  }

  /** Its path, where there is a file. */
  async end(): Promise<string | null> {
    if (this.#file === null) return null
    await this.#written
    const file = await this.#file
    await file?.close().catch(() => {})
    return file === null ? null : this.#path
  }

  async #open(): Promise<FileHandle | null> {
    try {
      await mkdir(join(this.#path, '..'), { recursive: true, mode: 0o700 })
      return await open(this.#path, 'w', 0o600)
    } catch (error) {
      this.#onError(error as Error)
      return null
    }
  }

  async #write(chunks: readonly Buffer[]): Promise<void> {
    const file = await this.#file
    if (file === null) return
    try {
      for (const chunk of chunks) await file.writeFile(chunk)
    } catch (error) {
      this.#onError(error as Error)
      this.#file = Promise.resolve(null)
      await file.close().catch(() => {})
    }
  }
}
