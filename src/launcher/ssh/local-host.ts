import { constants } from 'node:os'
import { posix } from 'node:path'
import { usableCpus } from '../../slots/usable-cpus.js'
import type { Child, ChildEvents, Launcher, StartSpec } from '../port.js'
import { CarriedFiles } from './carried-files.js'
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

  start(given: StartSpec, events: ChildEvents): Child {
    // Here there is no line.
    const spec: StartSpec = { ...given, place: undefined }
    const { workdir, cleanup } = this.#surroundings
    const start = (own: StartSpec, listener: ChildEvents) =>
      this.#launcher.start(localSpec(own, this.#surroundings), listener)
    // In the same folder they are where they should be.
    if (spec.files === undefined || workdir === null) return start(spec, events)
    return new CarriedFiles(spec, events, {
      start,
      startHelper: (helper, listener) => this.#launcher.start(helper, listener),
      folder: posix.resolve(workdir, spec.cwd ?? '.'),
      cleanup,
    })
  }

  /** What is started here is started at once. */
  addPlace(): () => void {
    return () => {}
  }

  ahead(): number {
    return 0
  }

  noteAhead(): void {}

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
