import { Gate } from '../slots/gate.js'
import { LocalSlots, SlotNumbers } from '../slots/local-slots.js'
import type { ResultError } from '../task/result.js'
import { isTaskStream } from '../task/task-stream.js'
import { Ahead } from './ahead.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'
import type { RunState } from './run-state.js'

export interface PlacesEvents {
  /** Whether tasks may be sent ahead at the moment, as far as who watches them is concerned. */
  readonly maySendAhead: () => boolean
  /** Something may be to be had that was not before. */
  readonly onChange: () => void
  readonly onError: (error: unknown) => void
  readonly onWarning: (message: string) => void
}

/** The tasks that run, and what each of them holds: slots, a number, and what the gate gave it. */
export class Places {
  readonly slots: LocalSlots
  readonly gate: Gate
  readonly ahead: Ahead
  readonly #state: RunState
  readonly #numbers = new SlotNumbers()
  readonly #running = new Set<Entry>()

  constructor(options: CheckedDispatchOptions, state: RunState, events: PlacesEvents) {
    this.#state = state
    this.slots = new LocalSlots(options.concurrency)
    this.gate = new Gate(options.slotSources, {
      launcher: options.localLauncher,
      run: options.run,
      concurrency: () => this.slots.limit,
      onChange: events.onChange,
      shed: (error) => this.#shed(error),
      onError: events.onError,
      onWarning: events.onWarning,
    })
    this.ahead = new Ahead({
      isOn: () => options.sendsAhead && events.maySendAhead(),
      slots: this.slots,
      gate: this.gate,
      enter: (entry) => this.#enter(entry),
    })
  }

  get running(): ReadonlySet<Entry> {
    return this.#running
  }

  /** Gives a task its slots and a number of them. Its permit is its own already. */
  take(entry: Entry): void {
    entry.slot = this.#numbers.take()
    this.slots.acquire(entry.weight)
  }

  /** It is being started in the place that it was given. */
  occupy(entry: Entry): void {
    entry.permit?.begin?.()
    this.#running.add(entry)
  }

  /**
   * Takes back all that a task holds.
   *
   * @param passesOn - whether one that was sent ahead may have its place.
   */
  release(entry: Entry, passesOn: boolean): void {
    const { permit, ahead, weight } = entry
    this.#running.delete(entry)
    if (ahead?.hasBegun !== false) this.#numbers.giveBack(entry.slot)
    entry.running = null
    entry.permit = null
    if (ahead !== null) return this.ahead.delete(entry)
    const mayBegin = this.#state.goesOn && this.slots.used <= this.slots.limit
    if (passesOn && permit !== null && this.ahead.passOn(permit, weight, mayBegin)) return
    this.slots.release(weight)
    permit?.release()
  }

  /** Stops all that run. Resolves when they are stopped. */
  async suspend(): Promise<void> {
    this.ahead.takeBack()
    await Promise.all([...this.#running].map((entry) => entry.running?.suspend()))
  }

  /** Lets them go on. */
  resume(): void {
    for (const entry of this.#running) entry.running?.resume()
  }

  /** Asks for those back that run elsewhere, or are about to, and have not begun. */
  takeBack(): void {
    this.ahead.takeBack()
    // Those that have just got the place of what ended, and do not use it yet.
    for (const entry of this.#running) entry.running?.takeBack?.()
  }

  /** Ends all that run. */
  endAll(error: ResultError): void {
    for (const entry of this.ahead.waiting()) entry.running?.end({ state: 'cancelled', error })
    for (const entry of this.#running) entry.running?.end({ state: 'cancelled', error })
  }

  /** KILL at once for those that are being ended. */
  hurry(): void {
    for (const entry of [...this.#running, ...this.ahead.waiting()]) entry.running?.hurry()
  }

  /** One that was sent ahead runs, or is about to. */
  #enter(entry: Entry): void {
    entry.slot = this.#numbers.take()
    this.#running.add(entry)
    if (this.#state.suspended) void entry.running?.suspend()
  }

  /** Not the one that was started first, so that there is always one that gets done. */
  #shed(error: ResultError): boolean {
    const youngest = [...this.#running]
      .filter(({ shed, task }) => shed === null && !isTaskStream(task.stdin))
      .slice(1)
      .at(-1)
    if (youngest === undefined) return false
    youngest.shed = error
    youngest.running?.endNow({ state: 'cancelled', error })
    return true
  }
}
