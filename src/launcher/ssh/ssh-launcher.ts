import { constants } from 'node:os'
import { DroverError } from '../../task/errors.js'
import { failedStart } from '../no-child.js'
import type { Child, ChildEvents, Launcher, LauncherCapabilities, StartSpec } from '../port.js'
import type { Host } from './host.js'
import { HERE, type HostSpec } from './host-list.js'
import { LocalHost } from './local-host.js'
import { SshHost, type SshHostOptions } from './ssh-host.js'

export interface SshLauncherOptions extends SshHostOptions {
  readonly hosts: readonly HostSpec[]
  /** For this machine, where it is among the hosts. */
  readonly local: Launcher
}

export interface SshLauncherEvents {
  /** A host can be used, or not any more. */
  onChange(): void
  onWarning(message: string): void
  /** No host is left that could be used. */
  onNone(error: DroverError): void
}

/** A place on a host, or one in the line for it. */
export interface Place {
  readonly host: string
  /** What it is for begins. */
  begin(): void
  release(): void
}

/** How much runs on a host. */
interface Use {
  readonly host: Host
  weight: number
  count: number
  /** How many starts were sent there for which there was no place. */
  ahead: number
}

/**
 * Starts children on other machines, through ssh and a launcher there. Nothing can be started before {@link open}, and only with a place
 * that was reserved: how many may run on a host is known when it is connected.
 */
export class SshLauncher implements Launcher {
  readonly name = 'ssh'
  readonly capabilities: LauncherCapabilities = {
    endsWithParent: true,
    findsDoubleForks: true,
    bytes: true,
    usage: true,
    realPipes: true,
    limits: true,
    locks: false,
    jobservers: false,
    slots: false,
    isRemote: true,
  }
  readonly #uses: readonly Use[]
  #isOpen = false
  #reasons: string[] = []

  constructor(options: SshLauncherOptions) {
    const { hosts, local } = options
    this.#uses = hosts.map((spec) => {
      const host = spec.name === HERE ? new LocalHost(spec, local, options) : new SshHost(spec, options)
      return { host, weight: 0, count: 0, ahead: 0 }
    })
  }

  /** Connects to all hosts, unless that was begun before. */
  open(events: SshLauncherEvents): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#reasons = []
    for (const { host } of this.#uses) {
      host.open({
        onChange: () => events.onChange(),
        onWarning: (message) => events.onWarning(message),
        onLeftOut: (reason) => {
          this.#reasons.push(reason)
          if (this.#uses.some((use) => use.host.state !== 'left-out'))
            return events.onWarning(`${reason}; the run goes on without it`)
          const message = `no host can be used: ${this.#reasons.join('; ')}`
          events.onNone(new DroverError('ERR_DROVER_HOST', message))
        },
      })
    }
  }

  /** A place on the host with the most room for it; null when there is none at the moment. */
  reserve(weight: number): Place | null {
    let best: Use | null = null
    for (const use of this.#uses) {
      const { host } = use
      if (host.state !== 'up' || (use.count > 0 && use.weight + weight > host.slots)) continue
      if (best === null || roomOf(use) > roomOf(best)) best = use
    }
    if (best === null) return null
    const use = best
    use.weight += weight
    use.count += 1
    let end = () => {}
    return {
      host: use.host.name,
      begin: () => {
        end = use.host.addPlace()
      },
      release: () => {
        use.weight -= weight
        use.count -= 1
        end()
      },
    }
  }

  /** Whether {@link reserveAhead} would give something. */
  hasRoomAhead(weight: number): boolean {
    return this.#uses.some((use) => roomAheadOf(use, weight) > 0)
  }

  /** A place in line on the host where it is needed most, behind others of the same weight; null where none is. */
  reserveAhead(weight: number): Place | null {
    let best: Use | null = null
    for (const use of this.#uses) {
      const room = roomAheadOf(use, weight)
      if (room > 0 && (best === null || room > roomAheadOf(best, weight))) best = use
    }
    if (best === null) return null
    const use = best
    const add = (change: 1 | -1) => {
      use.ahead += change
      use.host.noteAhead(use.ahead)
    }
    add(1)
    return { host: use.host.name, begin() {}, release: () => add(-1) }
  }

  start(spec: StartSpec, events: ChildEvents): Child {
    const use = this.#uses.find(({ host }) => host.name === spec.host)
    if (use !== undefined) return use.host.start(spec, events)
    const message = 'nothing can be started on another machine without a place there'
    return failedStart({ code: 'ERR_DROVER_HOST', message }, events)
  }

  survivors(scope: string): Promise<number> {
    return this.#sum((host) => host.signalScope(scope, 0))
  }

  async signalScope(scope: string, signal: NodeJS.Signals): Promise<number> {
    const number = constants.signals[signal]
    return number === undefined ? 0 : this.#sum((host) => host.signalScope(scope, number))
  }

  expectSilence = (silent: boolean): void => {
    for (const { host } of this.#uses) host.expectSilence(silent)
  }

  /** Ends everything on all hosts, and the connections; it may be opened again. */
  async close(): Promise<void> {
    this.#isOpen = false
    await Promise.all(this.#uses.map(({ host }) => host.close()))
  }

  async #sum(ask: (host: Host) => Promise<number>): Promise<number> {
    const counts = await Promise.all(this.#uses.map(({ host }) => ask(host)))
    return counts.reduce((sum, count) => sum + count, 0)
  }
}

/** Whoever has ended leaves as much room as the next one needs only if they weigh the same. */
function roomAheadOf({ host, weight, count, ahead }: Use, own: number): number {
  return host.state !== 'up' || count === 0 || weight !== count * own ? 0 : host.ahead(count) - ahead
}

function roomOf({ host, weight }: Use): number {
  return host.slots - weight
}
