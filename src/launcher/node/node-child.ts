import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Child, ChildEvents, OutputSpec, OutputStream, StartError, StartSpec } from '../port.js'
import { ensureDescriptors, noteFailedStart, noteReason } from './descriptors.js'
import { feedRanges } from './file-ranges.js'
import { forgetProcessTable, recentProcessTable, TREE_VARIABLE } from './process-table.js'
import { signalProcess, signalProcesses } from './signal-processes.js'
import { explainStartError } from './start-errors.js'
import { openStdio } from './stdio.js'
import { refuseUnsupported } from './unsupported.js'

/** One child of `child_process.spawn`, in a session of its own. */
export class NodeChild implements Child {
  readonly #events: ChildEvents
  readonly #mark: string
  readonly #onEnd: () => void
  #process: ChildProcess | null = null
  #startedMs = 0
  #exited = false

  /** @param onEnd - called once, when the child has ended or did not start. */
  constructor(spec: StartSpec, mark: string, events: ChildEvents, onEnd: () => void) {
    this.#events = events
    this.#mark = mark
    this.#onEnd = onEnd
    const child = this.#spawn(spec)
    if (child === null) return
    this.#process = child
    this.#startedMs = performance.now()
    // A failed start leaves the pid undefined and reports through 'error'.
    if (child.pid === undefined) {
      noteFailedStart()
      child.once('error', (error) => this.#onSpawnError(explainStartError(error, spec)))
      return
    }
    // 'error' after a start tells of a signal that could not be sent; signals go by process.kill here.
    child.on('error', () => {})
    const pid = child.pid
    process.nextTick(() => events.onSpawn(pid))
    this.#watchOutput('stdout', child.stdout, spec.stdout)
    this.#watchOutput('stderr', child.stderr, spec.stderr)
    if (child.stdin !== null) this.#feed(child.stdin, spec)
    child.on('exit', (exitCode, signal) => this.#onExit(pid, exitCode, signal))
  }

  get pid(): number | null {
    return this.#process?.pid ?? null
  }

  write(...chunks: readonly (Uint8Array | string)[]): boolean {
    const stdin = this.#process?.stdin
    if (stdin == null || stdin.destroyed || stdin.writableEnded) return true
    stdin.cork()
    let hasRoom = true
    for (const chunk of chunks) hasRoom = stdin.write(chunk)
    stdin.uncork()
    return hasRoom
  }

  get isHolding(): boolean {
    return (this.#process?.stdin?.writableLength ?? 0) > 0
  }

  endInput(): void {
    this.#process?.stdin?.end()
  }

  pauseOutput(stream: OutputStream): void {
    this.#process?.[stream]?.pause()
  }

  resumeOutput(stream: OutputStream): void {
    this.#process?.[stream]?.resume()
  }

  closeOutput(stream: OutputStream): void {
    this.#process?.[stream]?.destroy()
  }

  releaseOutput(stream: OutputStream): void {
    const readable = this.#process?.[stream] as (Readable & { unref?: () => void }) | null | undefined
    readable?.unref?.()
  }

  unref(): void {
    this.#process?.unref()
    for (const stream of this.#streams()) stream.unref?.()
  }

  ref(): void {
    if (!this.#exited) this.#process?.ref()
    for (const stream of this.#streams()) stream.ref?.()
  }

  signalTree(signal: NodeJS.Signals): Promise<number> {
    const pid = this.pid
    if (pid === null) return Promise.resolve(0)
    if (process.platform === 'win32') return Promise.resolve(this.#exited ? 0 : signalProcesses([pid], signal))
    forgetProcessTableOnKill(signal)
    const members = this.#members(pid)
    // The group in one call first: a member that forks meanwhile hands the signal on to nobody otherwise.
    if (members.length > 0 || !this.#exited) signalProcess(-pid, signal)
    const others = members.filter((member) => member !== pid)
    signalProcesses(others, signal)
    return Promise.resolve(members.length)
  }

  /** Ends the tree without waiting for anything; for when the process is about to end. */
  killNow(): void {
    void this.signalTree('SIGKILL')
  }

  countTree(): Promise<number> {
    const pid = this.pid
    if (pid === null) return Promise.resolve(0)
    if (process.platform === 'win32') return Promise.resolve(this.#exited ? 0 : 1)
    return Promise.resolve(this.#members(pid).length)
  }

  /** They are sockets, whatever their types say. */
  #streams(): { ref?(): void; unref?(): void }[] {
    const { stdin, stdout, stderr } = this.#process ?? {}
    return [stdin, stdout, stderr].filter((stream) => stream != null) as { ref?(): void; unref?(): void }[]
  }

  #members(pid: number): number[] {
    const table = recentProcessTable(this.#startedMs)
    if (table !== null) return table.treeOf(pid, this.#mark)
    return signalProcess(-pid, 0) ? [pid] : []
  }

  #spawn(spec: StartSpec): ChildProcess | null {
    let close: (() => void) | null = null
    try {
      refuseUnsupported(spec)
      ensureDescriptors()
      const stdio = openStdio(spec)
      close = stdio.close
      return spawn(asString(spec.file), spec.args.map(asString), {
        cwd: spec.cwd,
        env: this.#environment(spec),
        stdio: stdio.stdio,
        detached: process.platform !== 'win32',
        windowsHide: true,
      })
    } catch (error) {
      this.#failLater(explainStartError(error, spec))
      return null
    } finally {
      close?.()
    }
  }

  #failLater(error: StartError): void {
    process.nextTick(() => this.#onSpawnError(error))
  }

  #onSpawnError(error: StartError): void {
    noteReason(error.code)
    this.#onEnd()
    this.#events.onSpawnError(error)
  }

  #environment(spec: StartSpec): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = { ...process.env }
    for (const [name, value] of Object.entries(spec.env ?? {})) {
      if (value === null) delete env[name]
      else env[name] = asString(value)
    }
    env[TREE_VARIABLE] = this.#mark
    return env
  }

  #watchOutput(stream: OutputStream, readable: Readable | null, { to }: OutputSpec): void {
    if (readable === null) return
    if (to === 'count') readable.on('data', (chunk: Buffer) => this.#events.onOutputCounted?.(stream, chunk.length))
    else readable.on('data', (chunk: Buffer) => this.#events.onOutput(stream, chunk))
    // ECONNRESET and the like end a stream as well as an end does; 'close' follows both.
    readable.on('error', () => {})
    readable.once('close', () => this.#events.onOutputEnd(stream))
  }

  #feed(stdin: Writable, { stdin: from }: StartSpec): void {
    stdin.on('error', () => this.#events.onInputClosed?.())
    if (from.from === 'bytes') stdin.end(from.bytes)
    else if (from.from === 'file') {
      feedRanges(from.path, from.ranges ?? [], stdin, (error) => this.#events.onInputFailed?.(error))
    } else stdin.on('drain', () => this.#events.onDrain?.())
  }

  #onExit(pid: number, exitCode: number | null, signal: string | null): void {
    this.#exited = true
    this.#onEnd()
    // A group lives on under its number as long as it has a member; that can be a zombie nobody reaps.
    const groupAlive = process.platform !== 'win32' && signalProcess(-pid, 0) && hasLivingMember(pid)
    this.#events.onExit({ exitCode, signal, cpuUserMs: null, cpuSystemMs: null, maxRssBytes: null, groupAlive })
  }
}

/** A list that was made a moment ago may not have what the child has left behind: only a new one says that there is nothing. */
function hasLivingMember(group: number): boolean {
  if (recentProcessTable()?.hasGroup(group)) return true
  forgetProcessTable()
  return recentProcessTable()?.hasGroup(group) ?? true
}

/** Before KILL the list must be a fresh one, or what was started a moment ago is missed. */
function forgetProcessTableOnKill(signal: NodeJS.Signals): void {
  if (signal === 'SIGKILL') forgetProcessTable()
}

class NotUtf8Error extends Error {
  readonly code = 'ERR_DROVER_NOT_UTF8'
}

function asString(text: string | Uint8Array): string {
  if (typeof text === 'string') return text
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  const decoded = bytes.toString()
  if (!Buffer.from(decoded).equals(bytes)) {
    throw new NotUtf8Error(
      'the node launcher cannot pass bytes that are not UTF-8 to a program; the native launcher can',
    )
  }
  return decoded
}
