import {
  createNativeLauncher,
  type NativeLauncherOptions,
  nativeLauncherUnavailable,
} from './native/native-launcher.js'
import { NodeLauncher } from './node/node-launcher.js'
import type { Child, ChildEvents, Launcher, LauncherCapabilities, OutputStream, StartError, StartSpec } from './port.js'

/** What the native adapter says when its program does not run at all. */
const DOES_NOT_RUN = 'ERR_DROVER_LAUNCHER'

/**
 * The native launcher where it works, else the node adapter. That a binary does not run (a wrong processor, a file system
 * mounted with noexec) may only show at the first start: what was started until then is started again by the node adapter.
 */
export class AutoLauncher implements Launcher {
  #node: NodeLauncher | null = null
  #native: Launcher | null
  #isProven = false

  constructor(options: NativeLauncherOptions = {}) {
    this.#native = nativeLauncherUnavailable(options) === null ? createNativeLauncher(options) : null
  }

  get name(): Launcher['name'] {
    return this.#chosen.name
  }

  get capabilities(): LauncherCapabilities {
    return this.#chosen.capabilities
  }

  start(spec: StartSpec, events: ChildEvents): Child {
    if (this.#isProven || this.#native === null) return this.#chosen.start(spec, events)
    return new UnprovenChild(this.#native, spec, events, {
      proven: () => {
        this.#isProven = true
      },
      failed: () => {
        this.#native = null
        return this.#chosen
      },
    })
  }

  get lock(): Launcher['lock'] {
    const chosen = this.#chosen
    if (chosen.lock === undefined) return undefined
    return (path, options) => this.#tried(() => chosen.lock!(path, options))
  }

  async #tried<Held>(ask: () => Promise<Held>): Promise<Held> {
    try {
      const held = await ask()
      this.#isProven = true
      return held
    } catch (error) {
      // It does not run, and so there is nothing of the kind from now on.
      if (!this.#isProven && (error as { code?: string }).code === DOES_NOT_RUN) this.#native = null
      throw error
    }
  }

  get openJobserver(): Launcher['openJobserver'] {
    const chosen = this.#chosen
    if (chosen.openJobserver === undefined) return undefined
    return (spec, events) => this.#tried(() => chosen.openJobserver!(spec, events))
  }

  get takeSlots(): Launcher['takeSlots'] {
    const chosen = this.#chosen
    return chosen.takeSlots && ((spec, events) => chosen.takeSlots!(spec, events))
  }

  get sendDatagram(): Launcher['sendDatagram'] {
    const chosen = this.#chosen
    if (chosen.sendDatagram === undefined) return undefined
    return (path, message) => chosen.sendDatagram!(path, message)
  }

  get widenInput(): Launcher['widenInput'] {
    const chosen = this.#chosen
    return chosen.widenInput && (() => chosen.widenInput!())
  }

  survivors(scope: string): Promise<number> {
    return this.#sum((launcher) => launcher.survivors(scope))
  }

  signalScope(scope: string, signal: NodeJS.Signals): Promise<number> {
    return this.#sum((launcher) => launcher.signalScope(scope, signal))
  }

  async close(): Promise<void> {
    await Promise.all([this.#node?.close(), this.#native?.close()])
  }

  get #chosen(): Launcher {
    if (this.#native !== null) return this.#native
    this.#node ??= new NodeLauncher()
    return this.#node
  }

  async #sum(ask: (launcher: Launcher) => Promise<number>): Promise<number> {
    const counts = await Promise.all(
      [this.#node, this.#native].map((launcher) => (launcher === null ? 0 : ask(launcher))),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }
}

interface Proof {
  /** The native launcher has started something. */
  proven(): void
  /** It does not run; gives the launcher to use from now on. */
  failed(): Launcher
}

/** A child of a launcher that may turn out not to run; it is then started again by another, with what it was told so far. */
class UnprovenChild implements Child {
  #child: Child
  #told: ((child: Child) => void)[] | null = []

  constructor(launcher: Launcher, spec: StartSpec, events: ChildEvents, proof: Proof) {
    this.#child = launcher.start(spec, {
      onSpawn: (pid) => {
        proof.proven()
        this.#told = null
        events.onSpawn(pid)
      },
      onSpawnError: (error: StartError) => {
        if (error.code === DOES_NOT_RUN) this.#startAgain(proof.failed(), spec, events)
        else events.onSpawnError(error)
      },
      onOutput: (stream, chunk) => events.onOutput(stream, chunk),
      onOutputCounted: (stream, bytes) => events.onOutputCounted?.(stream, bytes),
      onOutputEnd: (stream) => events.onOutputEnd(stream),
      onExit: (exit) => events.onExit(exit),
      onLost: (error) => events.onLost(error),
      onUse: (use) => events.onUse?.(use),
      onDrain: () => events.onDrain?.(),
      onInputFailed: (error) => events.onInputFailed?.(error),
      onInputClosed: () => events.onInputClosed?.(),
    })
  }

  get pid(): number | null {
    return this.#child.pid
  }

  write(...chunks: readonly (Uint8Array | string)[]): boolean {
    this.#told?.push((child) => child.write(...chunks))
    return this.#child.write(...chunks)
  }

  get isHolding(): boolean | undefined {
    return this.#told !== null || this.#child.isHolding
  }

  endInput(): void {
    this.#tell((child) => child.endInput())
  }

  pauseOutput(stream: OutputStream): void {
    this.#tell((child) => child.pauseOutput(stream))
  }

  resumeOutput(stream: OutputStream): void {
    this.#tell((child) => child.resumeOutput(stream))
  }

  closeOutput(stream: OutputStream): void {
    this.#tell((child) => child.closeOutput(stream))
  }

  releaseOutput(stream: OutputStream): void {
    this.#tell((child) => child.releaseOutput(stream))
  }

  unref(): void {
    this.#tell((child) => child.unref())
  }

  ref(): void {
    this.#tell((child) => child.ref())
  }

  signalTree(signal: NodeJS.Signals): Promise<number> {
    this.#told?.push((child) => void child.signalTree(signal))
    return this.#child.signalTree(signal)
  }

  countTree(): Promise<number> {
    return this.#child.countTree()
  }

  #tell(what: (child: Child) => void): void {
    this.#told?.push(what)
    what(this.#child)
  }

  #startAgain(launcher: Launcher, spec: StartSpec, events: ChildEvents): void {
    const told = this.#told ?? []
    this.#told = null
    this.#child = launcher.start(spec, events)
    for (const tell of told) tell(this.#child)
  }
}
