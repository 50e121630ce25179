import type { ResultError } from '../task/result.js'
import { type AttemptEnd, prepareAttempt, startAttempt } from './attempt.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry, Running } from './entry.js'
import type { FinalResults } from './final-results.js'
import type { Observer } from './observer.js'
import type { Places } from './places.js'
import type { RunState } from './run-state.js'
import type { SchedulerSide } from './scheduler-side.js'
import type { Shortage } from './shortage.js'
import { StartDelay } from './start-delay.js'
import type { TaskQueue } from './task-queue.js'

/** What starts depend on. */
export interface StartsParts {
  readonly options: CheckedDispatchOptions
  readonly state: RunState
  readonly queue: TaskQueue<Entry>
  readonly places: Places
  readonly shortage: Pick<Shortage, 'holds'>
  readonly observer: Observer
  readonly side: SchedulerSide
  readonly results: Pick<FinalResults, 'isJammed' | 'unannounced'>
  /** To be called when something may be started that could not before. */
  readonly pump: () => void
  readonly onEnd: (entry: Entry, end: AttemptEnd) => void
  /** It was about to be started, and is to be ended instead. */
  readonly onEnded: (entry: Entry, error: ResultError) => void
  readonly onError: (error: unknown) => void
}

/**
 * Who is started next, and its start. A task is read only when it could be started, or when others are to be chosen from; it is
 * started when its slots are free, the delay is over and the gate has given its permit. With other machines it may be sent ahead
 * of that, see {@link Ahead}.
 */
export class Starts {
  readonly #parts: StartsParts
  readonly #delay: StartDelay

  constructor(parts: StartsParts) {
    this.#parts = parts
    this.#delay = new StartDelay(parts.options.delayMs, parts.pump)
  }

  /** Starts all that may start. */
  all(): void {
    const { slots, ahead } = this.#parts.places
    if (slots.used > slots.limit) ahead.takeBack()
    while (this.#step());
  }

  /** Starts one that waits no more, free slots or not. */
  start(entry: Entry): void {
    const { options, state, places, observer, side, onEnded } = this.#parts
    entry.attempt += 1
    places.take(entry)
    const prepared = prepareAttempt(entry, options)
    // What was called to prepare it may have ended it, or the run.
    const ended = state.endOf(entry)
    if (ended !== null && prepared !== null) {
      entry.attempt -= 1
      places.release(entry, false)
      return onEnded(entry, ended)
    }
    this.#delay.started()
    entry.startedMs = performance.now()
    places.occupy(entry)
    const wasOver = state.endedNow !== null
    entry.running = observer.start(entry, () => this.#attempt(entry, prepared))
    // It was ended when there was nothing to end yet, as by who was told of the start.
    const error = entry.ended ?? (wasOver ? null : state.endedNow)
    if (error !== null) {
      entry.running.end({ state: 'cancelled', error })
      if (state.hurried) entry.running.hurry()
    }
    side.onStart(entry)
  }

  /** Nothing waits any more. */
  rest(): void {
    this.#delay.rest()
  }

  /** Does one thing; false when there is nothing to do until something happens. */
  #step(): boolean {
    const { state, results, side, queue, shortage, places } = this.#parts
    const { slots, gate, ahead } = places
    if (state.isHeld || results.isJammed || !side.hasRoom(results.unannounced)) return false
    const isStopped = state.stopped !== null
    const waiting = queue.size
    const weight = queue.peek()?.weight ?? 1
    const isHeld = isStopped || shortage.holds(places.running.size)
    const mayStart = !isHeld && slots.fits(weight)
    const maySend = !isHeld && ahead.mayTake(weight)
    if (!side.exhausted && (isStopped || (waiting <= side.lookahead && (mayStart || maySend || side.lookahead > 0)))) {
      if (side.wantMore()) return true
      if (side.lookahead > 0 && !side.exhausted) return false
    }
    const entry = queue.peek()
    if (entry === undefined) return mayStart && ahead.useFree()
    if (mayStart && slots.fits(entry.weight) && !this.#delay.holds()) {
      const permit = gate.take(entry.weight)
      if (permit !== null) {
        if (ahead.admit(permit, entry.weight)) return true
        entry.permit = permit
        queue.pop()
        this.start(entry)
        return true
      }
    }
    return maySend && this.#sendAhead(entry)
  }

  #sendAhead(entry: Entry): boolean {
    const { options, state, queue, places } = this.#parts
    if (!places.ahead.add(entry)) return false
    queue.pop()
    entry.attempt += 1
    const prepared = prepareAttempt(entry, options)
    entry.startedMs = performance.now()
    if (state.endOf(entry) === null) entry.running = this.#attempt(entry, prepared)
    else this.#onNotStarted(entry)
    return true
  }

  #attempt(entry: Entry, prepared: ReturnType<typeof prepareAttempt>): Running {
    const { options, places, observer, side, onEnd, onError } = this.#parts
    return startAttempt(entry, prepared, options, {
      onEnd: (end) => onEnd(entry, end),
      onBegin: (startedMs) => {
        places.ahead.begin(entry)
        entry.startedMs = startedMs
        observer.start(entry, () => {})
        side.onStart(entry)
      },
      onNotStarted: () => this.#onNotStarted(entry),
      onError,
    })
  }

  /** One that was sent ahead is where it was before. */
  #onNotStarted(entry: Entry): void {
    const { state, queue, places, pump, onEnded } = this.#parts
    places.release(entry, true)
    entry.attempt -= 1
    const ended = state.endOf(entry)
    if (ended !== null) onEnded(entry, ended)
    else queue.push(entry)
    pump()
  }
}
