import { constants } from 'node:os'
import { usableCpus } from '../../slots/usable-cpus.js'
import type { Child, ChildEvents, Launcher, StartSpec } from '../port.js'
import type { Host, HostEvents } from './host.js'
import { HERE, type HostSpec } from './host-list.js'
import { localSpec, type Surroundings } from './remote-start.js'

/** This machine among the hosts. */
export class LocalHost implements Host {
  readonly name = HERE
  readonly slots: number
  readonly #launcher: Launcher
  readonly #surroundings: Surroundings
  #state: Host['state'] = 'closed'

  constructor({ slots }: HostSpec, launcher: Launcher, surroundings: Surroundings) {
    this.slots = slots ?? usableCpus()
    this.#launcher = launcher
    this.#surroundings = surroundings
  }

  get state(): Host['state'] {
    return this.#state
  }

  open({ onChange }: HostEvents): void {
    this.#state = 'up'
    process.nextTick(onChange)
  }

  start(spec: StartSpec, events: ChildEvents): Child {
    return this.#launcher.start(localSpec(spec, this.#surroundings), events)
  }

  signalScope(scope: string, signal: number): Promise<number> {
    if (signal === 0) return this.#launcher.survivors(scope)
    const [name] = Object.entries(constants.signals).find(([, number]) => number === signal) ?? []
    return name === undefined ? Promise.resolve(0) : this.#launcher.signalScope(scope, name as NodeJS.Signals)
  }

  expectSilence(): void {}

  /** The launcher is everybody's. What it has started for a run, the run has ended. */
  async close(): Promise<void> {
    this.#state = 'closed'
  }
}
