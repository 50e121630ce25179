import { constants } from 'node:os'
import { DroverError } from '../../task/errors.js'
import { failedStart } from '../no-child.js'
import type {
  Child,
  ChildEvents,
  JobserverEvents,
  JobserverSpec,
  Launcher,
  LauncherCapabilities,
  LauncherJobserver,
  LauncherLock,
  LockOptions,
  SlotsClaim,
  SlotsEvents,
  SlotsSpec,
  StartError,
  StartSpec,
} from '../port.js'
import { findBinary, problemOfBinary } from './binary.js'
import { CredentialsWatch } from './credentials.js'
import { sendDatagram } from './datagrams.js'
import { EnvironmentMirror } from './environment-mirror.js'
import { startLauncher } from './link.js'
import { Server } from './server.js'

export interface NativeLauncherOptions {
  /** The launcher's binary. Default: the one that was built here, or that came with the package. */
  readonly binary?: string
  /**
   * Whether this program leaves its environment and credentials as they are at the first start, so that they need not be
   * looked at with each. Default: false.
   */
  readonly unchanging?: boolean
}

/**
 * Why the native launcher cannot be used here, or null when it can. Whether it really runs shows at the first start; one
 * that does not run fails that start with `ERR_DROVER_LAUNCHER`, and is told of here from then on.
 */
export function nativeLauncherUnavailable({ binary }: NativeLauncherOptions = {}): string | null {
  if (process.platform !== 'linux') return `the native launcher is for Linux, not for ${process.platform}`
  const path = binary ?? findBinary()
  if (path === null) {
    return `there is no launcher for ${process.platform}-${process.arch}: it did not come with the package, and was not built (is there a C compiler?)`
  }
  return neverRan.get(path) ?? problemOfBinary(path)
}

const MOMENT_MS = 10

/** Binaries that ended before they said a word. */
const neverRan = new Map<string, string>()

/**
 * The adapter on the spawn server in `native/`.
 *
 * @throws DroverError with code `ERR_DROVER_LAUNCHER` when it cannot be used here.
 */
export function createNativeLauncher(options: NativeLauncherOptions = {}): Launcher {
  const problem = nativeLauncherUnavailable(options)
  if (problem !== null) throw new DroverError('ERR_DROVER_LAUNCHER', problem)
  return new NativeLauncher(options.binary ?? findBinary()!, options.unchanging === true)
}

/**
 * Starts children through a launcher process of its own, which is started with the first child. There is a second one for
 * children whose leftovers are to be kept, since a launcher ends all that descends from it. A launcher that died is
 * replaced at the next start; so is one that was started under other credentials than this process has now.
 */
class NativeLauncher implements Launcher {
  readonly name = 'native'
  readonly capabilities: LauncherCapabilities = {
    endsWithParent: true,
    findsDoubleForks: true,
    bytes: true,
    usage: true,
    realPipes: true,
    limits: true,
    locks: true,
    jobservers: true,
    slots: true,
  }

  readonly #binary: string
  readonly #isUnchanging: boolean
  readonly #servers = new Set<Server>()
  readonly #current: Record<'end' | 'keep', Server | null> = { end: null, keep: null }
  readonly #credentials = new CredentialsWatch()
  #lookedAt = Number.NEGATIVE_INFINITY
  #started = 0
  #hasRun = false

  constructor(binary: string, isUnchanging: boolean) {
    this.#binary = binary
    this.#isUnchanging = isUnchanging
  }

  start(spec: StartSpec, events: ChildEvents): Child {
    this.#started += 1
    try {
      const look = this.#isTimeToLook()
      if (look) this.#retireIfCredentialsChanged()
      const server = this.#serverFor(spec)
      if (look) for (const each of [this.#current.end, this.#current.keep]) each?.refreshEnvironment()
      return server.start(this.#started, spec, events)
    } catch (error) {
      return failedStart(startErrorOf(error), events)
    }
  }

  async survivors(scope: string): Promise<number> {
    return this.#sum((server) => server.signalScope(scope, 0))
  }

  async signalScope(scope: string, signal: NodeJS.Signals): Promise<number> {
    const number = constants.signals[signal]
    return number === undefined ? 0 : this.#sum((server) => server.signalScope(scope, number))
  }

  async lock(path: string, options: LockOptions = {}): Promise<LauncherLock> {
    options.signal?.throwIfAborted()
    try {
      this.#retireIfCredentialsChanged()
      return await this.#serverFor({}).lock(path, options)
    } catch (error) {
      if (error instanceof DroverError || options.signal?.aborted) throw error
      const { code, message } = startErrorOf(error)
      throw new DroverError(code, message, { cause: error })
    }
  }

  async openJobserver(spec: JobserverSpec, events: JobserverEvents): Promise<LauncherJobserver> {
    try {
      this.#retireIfCredentialsChanged()
      return await this.#serverFor({}).openJobserver(spec, events)
    } catch (error) {
      if (error instanceof DroverError) throw error
      const { code, message } = startErrorOf(error)
      throw new DroverError(code, message, { cause: error })
    }
  }

  takeSlots(spec: SlotsSpec, events: SlotsEvents): SlotsClaim {
    try {
      this.#retireIfCredentialsChanged()
      return this.#serverFor({}).takeSlots(spec, events)
    } catch (error) {
      process.nextTick(() => events.onFailed(startErrorOf(error)))
      return { give: () => Promise.resolve() }
    }
  }

  async sendDatagram(path: string, message: string): Promise<void> {
    let server: Server
    try {
      server = this.#serverFor({})
    } catch (error) {
      const { code, message: reason } = startErrorOf(error)
      throw new DroverError(code, reason, { cause: error })
    }
    await sendDatagram(server, path, message)
  }

  widenInput(): void {
    try {
      const { end, keep } = this.#current
      const server = end ?? keep ?? this.#serverFor({})
      server.widenInput()
    } catch {
      // It works as well as it is; the next start tells what is wrong.
    }
  }

  async close(): Promise<void> {
    this.#forgetCurrent()
    await Promise.all([...this.#servers].map((server) => server.close()))
  }

  async #sum(ask: (server: Server) => Promise<number>): Promise<number> {
    const counts = await Promise.all([...this.#servers].map(ask))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  #serverFor({ keepLeftovers }: Pick<StartSpec, 'keepLeftovers'>): Server {
    const kind = keepLeftovers === true ? 'keep' : 'end'
    const known = this.#current[kind]
    if (known !== null) return known
    const environment = new EnvironmentMirror()
    const server = new Server({
      link: startLauncher(this.#binary, kind === 'keep', environment.initial),
      environment,
      hasRun: () => this.#hasRun,
      onReady: () => {
        this.#hasRun = true
      },
      onGone: (gone) => this.#forget(gone),
    })
    this.#servers.add(server)
    this.#current[kind] = server
    return server
  }

  /**
   * Looking at the environment and the credentials takes as long as all the rest of a start. A start from within a call of
   * ours, as of a dispatcher that goes on to the next task, makes do with what they were a moment ago.
   */
  #isTimeToLook(): boolean {
    if (this.#isUnchanging) return false
    const { end, keep } = this.#current
    const now = performance.now()
    if ((end?.isTelling || keep?.isTelling) && now - this.#lookedAt < MOMENT_MS) return false
    this.#lookedAt = now
    return true
  }

  #retireIfCredentialsChanged(): void {
    if (this.#isUnchanging || !this.#credentials.hasChanged()) return
    for (const server of Object.values(this.#current)) server?.retire()
    this.#forgetCurrent()
  }

  #forgetCurrent(): void {
    this.#current.end = null
    this.#current.keep = null
  }

  #forget(server: Server): void {
    if (server.neverRan) neverRan.set(this.#binary, `${this.#binary} does not run here: it ended at once`)
    this.#servers.delete(server)
    for (const kind of ['end', 'keep'] as const) if (this.#current[kind] === server) this.#current[kind] = null
  }
}

function startErrorOf(error: unknown): StartError {
  const { code = 'ERR_DROVER_LAUNCHER', message } = error as NodeJS.ErrnoException
  return { code, message: `the launcher could not be started: ${message}` }
}
