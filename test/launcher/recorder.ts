import type {
  Child,
  ChildEvents,
  ChildExit,
  Launcher,
  OutputStream,
  StartError,
  StartSpec,
  WatchedUse,
} from '../../src/launcher/port.js'

/** Starts a child and keeps all that the launcher tells of it, in order. */
export function startRecorded(launcher: Launcher, spec: Partial<StartSpec> & Pick<StartSpec, 'file'>): Recorder {
  const recorder = new Recorder()
  recorder.child = launcher.start(
    { args: [], stdin: { from: 'null' }, stdout: { to: 'pipe' }, stderr: { to: 'pipe' }, scope: 'contract', ...spec },
    recorder,
  )
  recorder.startReturned = true
  return recorder
}

/** Starts children of one launcher, recorded: programs, and lines for the shell. */
export function recordedStarts(launcherOf: () => Launcher) {
  const start = (
    file: string | Uint8Array,
    args: readonly (string | Uint8Array)[] = [],
    rest: Partial<StartSpec> = {},
  ): Recorder => startRecorded(launcherOf(), { file, args, ...rest })
  const shell = (line: string, rest: Partial<StartSpec> = {}): Recorder => start('/bin/sh', ['-c', line], rest)
  return { start, shell }
}

export class Recorder implements ChildEvents {
  child!: Child
  startReturned = false
  readonly calls: string[] = []
  readonly chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] }
  readonly counted: Record<OutputStream, number> = { stdout: 0, stderr: 0 }
  readonly ended: Record<OutputStream, boolean> = { stdout: false, stderr: false }
  pid: number | null = null
  exit: ChildExit | null = null
  spawnError: StartError | null = null
  lost: StartError | null = null
  drains = 0
  inputClosed = 0
  readonly inputErrors: StartError[] = []
  readonly uses: WatchedUse[] = []
  #resolve: (() => void)[] = []

  onSpawn(pid: number): void {
    this.#note('spawn')
    this.pid = pid
  }

  onSpawnError(error: StartError): void {
    this.#note('spawn-error')
    this.spawnError = error
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    if (this.calls.at(-1) !== stream) this.#note(stream)
    this.chunks[stream].push(chunk)
  }

  onOutputCounted(stream: OutputStream, bytes: number): void {
    if (this.calls.at(-1) !== `${stream}-counted`) this.#note(`${stream}-counted`)
    this.counted[stream] += bytes
    this.#wake()
  }

  onOutputEnd(stream: OutputStream): void {
    this.#note(`${stream}-end`)
    this.ended[stream] = true
  }

  onExit(exit: ChildExit): void {
    this.#note('exit')
    this.exit = exit
  }

  onLost(error: StartError): void {
    this.#note('lost')
    this.lost = error
  }

  onDrain(): void {
    this.drains += 1
    this.#wake()
  }

  onUse(use: WatchedUse): void {
    this.#note('use')
    this.uses.push(use)
  }

  onInputFailed(error: StartError): void {
    this.#note('input-failed')
    this.inputErrors.push(error)
  }

  onInputClosed(): void {
    this.inputClosed += 1
    this.#wake()
  }

  text(stream: OutputStream): string {
    return Buffer.concat(this.chunks[stream]).toString()
  }

  bytes(stream: OutputStream): number {
    return this.chunks[stream].reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** Resolves once the condition holds, looked at after every call of the launcher. */
  async when(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
    const end = performance.now() + deadlineMs
    while (!condition()) {
      const left = end - performance.now()
      if (left <= 0) throw new Error(`waited ${deadlineMs} ms in vain until ${what}; calls: ${this.calls.join(', ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 100))
        this.#resolve.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** The child has ended and so have its piped streams (or it never started). */
  whenClosed(deadlineMs?: number): Promise<void> {
    const closed = () =>
      this.spawnError !== null ||
      (this.exit !== null && this.calls.includes('stdout-end') && this.calls.includes('stderr-end'))
    return this.when('the child is closed', closed, deadlineMs)
  }

  #note(call: string): void {
    if (!this.startReturned) this.calls.push(`${call} within start`)
    else this.calls.push(call)
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#resolve.splice(0)) resolve()
  }
}
