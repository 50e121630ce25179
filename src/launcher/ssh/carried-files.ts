import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import type { Child, ChildEvents, ChildExit, OutputStream, StartError, StartSpec, WatchedUse } from '../port.js'

export interface Carrier {
  /** Starts the child itself. */
  start(spec: StartSpec, events: ChildEvents): Child
  /** Starts something of ours, in the home there. */
  startHelper(spec: StartSpec, events: ChildEvents): Child
  /** Where the child runs there. */
  readonly folder: string
  /** Whether what was carried is removed there in the end. */
  readonly cleanup: boolean
}

/** Names are arguments, so that no shell reads them. What others see is whole, or not there. */
const STORE =
  'case $1 in */*) mkdir -p -- "${1%/*}" || exit;; esac; cat > "$1.$2" && test $(wc -c < "$1.$2") -eq "$3" && chmod "$4" "$1.$2" && mv -f -- "$1.$2" "$1" || { rm -f -- "$1.$2"; echo "it was not stored whole" >&2; exit 1; }'
const FETCH = 'exec cat < "$1"'
const REMOVE = 'exec rm -f -- "$@"'

let counter = 0

/**
 * A child whose files go ahead of it, and come back after it:
 *
 *   carrying ── all are there ──► running ── exit ──► bringing back ──► cleaning up ──► its exit is told
 *       └── one cannot be carried: not started
 */
export class CarriedFiles implements Child, ChildEvents {
  readonly #spec: StartSpec
  readonly #events: ChildEvents
  readonly #carrier: Carrier
  readonly #mark: string
  /** What runs at the moment: the child, or what carries its files. */
  #current: Child | null = null
  #child: Child | null = null
  #isReferenced = true
  #isLost = false
  /** Asked to be taken back before all was there. */
  #isUnwanted = false

  constructor(spec: StartSpec, events: ChildEvents, carrier: Carrier) {
    counter += 1
    this.#mark = `drover-${spec.scope}-${counter}`
    this.#spec = spec
    this.#events = events
    this.#carrier = carrier
    void this.#begin()
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  get host(): string | undefined {
    return (this.#child ?? this.#current)?.host
  }

  write(...chunks: readonly (Uint8Array | string)[]): boolean {
    return this.#child?.write(...chunks) ?? true
  }

  endInput(): void {
    this.#child?.endInput()
  }

  pauseOutput(stream: OutputStream): void {
    this.#child?.pauseOutput(stream)
  }

  resumeOutput(stream: OutputStream): void {
    this.#child?.resumeOutput(stream)
  }

  closeOutput(stream: OutputStream): void {
    this.#child?.closeOutput(stream)
  }

  releaseOutput(stream: OutputStream): void {
    this.#child?.releaseOutput(stream)
  }

  unref(): void {
    this.#isReferenced = false
    this.#current?.unref()
  }

  ref(): void {
    this.#isReferenced = true
    this.#current?.ref()
  }

  takeBack(): void {
    this.#isUnwanted = true
    if (this.#child === null) void this.#current?.signalTree('SIGKILL')
    else this.#child.takeBack?.()
  }

  leave(): void {
    this.#child?.leave?.()
  }

  signalTree(signal: NodeJS.Signals): Promise<number> {
    return this.#current?.signalTree(signal) ?? Promise.resolve(0)
  }

  countTree(): Promise<number> {
    return this.#current?.countTree() ?? Promise.resolve(0)
  }

  onSpawn(pid: number, agoMs?: number): void {
    this.#events.onSpawn(pid, agoMs)
  }

  onTakenBack(): void {
    void this.#endTakenBack()
  }

  onSpawnError(error: StartError): void {
    this.#events.onSpawnError(error)
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    this.#events.onOutput(stream, chunk)
  }

  onOutputCounted(stream: OutputStream, bytes: number): void {
    this.#events.onOutputCounted?.(stream, bytes)
  }

  onOutputEnd(stream: OutputStream): void {
    this.#events.onOutputEnd(stream)
  }

  onExit(exit: ChildExit): void {
    void this.#finish(exit)
  }

  onLost(error: StartError): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#events.onLost(error)
  }

  onDrain(): void {
    this.#events.onDrain?.()
  }

  onUse(use: WatchedUse): void {
    this.#events.onUse?.(use)
  }

  onInputFailed(error: StartError): void {
    this.#events.onInputFailed?.(error)
  }

  onInputClosed(): void {
    this.#events.onInputClosed?.()
  }

  async #begin(): Promise<void> {
    // Nothing is told from within the start.
    await null
    for (const name of this.#spec.files?.transfer ?? []) {
      const problem = await this.#store(name)
      if (this.#isLost) return
      if (this.#isUnwanted) return this.#endTakenBack()
      if (problem !== null) return this.#events.onSpawnError(problem)
    }
    if (this.#isUnwanted) return this.#endTakenBack()
    this.#child = this.#take(this.#carrier.start({ ...this.#spec, files: undefined }, this))
  }

  async #finish(exit: ChildExit): Promise<void> {
    let problem: StartError | undefined
    // What was ended by a signal has not come to its results.
    const names = exit.signal === null ? (this.#spec.files?.return ?? []) : []
    for (const name of names) problem ??= (await this.#fetch(name)) ?? undefined
    if (this.#carrier.cleanup) await this.#cleanUp()
    if (this.#isLost) return
    this.#current = this.#child
    this.#events.onExit(problem === undefined ? exit : { ...exit, problem })
  }

  async #endTakenBack(): Promise<void> {
    if (this.#carrier.cleanup) await this.#cleanUp()
    if (!this.#isLost) this.#events.onTakenBack?.()
  }

  async #store(name: string): Promise<StartError | null> {
    const path = this.#here(name)
    try {
      const { size, mode, isRegular } = look(path)
      if (!isRegular) return transferError(`${name} cannot be carried to the host`, 'it is no regular file')
      const args = [this.#there(name), this.#mark, String(size), (mode & 0o777).toString(8)]
      const problem = await this.#help(STORE, args, { stdin: { from: 'file', path } })
      return problem === null ? null : transferError(`${name} cannot be carried to the host`, problem)
    } catch (error) {
      const { code = 'ERR_DROVER_TRANSFER', message } = error as NodeJS.ErrnoException
      return { code, message: `${name} cannot be carried to the host: ${message}` }
    }
  }

  async #fetch(name: string): Promise<StartError | null> {
    const path = this.#here(name)
    const part = `${path}.${this.#mark}`
    try {
      mkdirSync(posix.dirname(path), { recursive: true })
      const problem = await this.#help(FETCH, [this.#there(name)], { stdout: { to: 'file', path: part } })
      if (problem === null) renameSync(part, path)
      else rmSync(part, { force: true })
      return problem === null ? null : transferError(`${name} cannot be brought back`, problem)
    } catch (error) {
      rmSync(part, { force: true })
      return transferError(`${name} cannot be brought back`, (error as Error).message)
    }
  }

  async #cleanUp(): Promise<void> {
    const { transfer = [], return: back = [] } = this.#spec.files ?? {}
    await this.#help(
      REMOVE,
      [...new Set([...transfer, ...back])].map((name) => this.#there(name)),
      {},
    )
  }

  /** Runs a line of ours for /bin/sh with arguments. Resolves to what went wrong; null when nothing did. */
  #help(line: string, args: readonly string[], streams: Partial<StartSpec>): Promise<string | null> {
    if (this.#isLost) return Promise.resolve('the host is lost')
    return new Promise((resolve) => {
      const words: Buffer[] = []
      let exit: ChildExit | null = null
      const spec: StartSpec = {
        file: '/bin/sh',
        args: ['-c', line, 'sh', ...args],
        stdin: { from: 'null' },
        stdout: { to: 'null' },
        stderr: { to: 'pipe' },
        scope: this.#spec.scope,
        host: this.#spec.host,
        ...streams,
      }
      let hasEnded = false
      const end = () => {
        if (exit === null || !hasEnded) return
        const said = Buffer.concat(words).toString().trim()
        resolve(exit.exitCode === 0 ? null : said || `it was ended by ${exit.signal ?? `status ${exit.exitCode}`}`)
      }
      const child = this.#carrier.startHelper(spec, {
        onSpawn: () => {},
        onSpawnError: ({ message }) => resolve(message),
        onOutput: (_stream, chunk) => void words.push(chunk),
        onOutputEnd: () => {
          hasEnded = true
          end()
        },
        onExit: (given) => {
          exit = given
          end()
        },
        onLost: (error) => {
          this.onLost(error)
          resolve(error.message)
        },
      })
      this.#take(child)
    })
  }

  #take(child: Child): Child {
    this.#current = child
    if (!this.#isReferenced) child.unref()
    return child
  }

  #here(name: string): string {
    return posix.resolve(process.cwd(), this.#spec.cwd ?? '.', name)
  }

  /** Never what a program could take for an option. */
  #there(name: string): string {
    const path = posix.isAbsolute(name) ? name : posix.join(this.#carrier.folder, name)
    return posix.isAbsolute(path) ? path : `./${path}`
  }
}

function look(path: string) {
  const stats = statSync(path)
  return { size: stats.size, mode: stats.mode, isRegular: stats.isFile() }
}

function transferError(what: string, why: string): StartError {
  return { code: 'ERR_DROVER_TRANSFER', message: `${what}: ${why}` }
}
