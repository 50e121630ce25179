import type { Gate } from '../slots/gate.js'
import type { LocalSlots } from '../slots/local-slots.js'
import type { SlotPermit } from '../slots/slot-source.js'
import { isTaskStream } from '../task/task-stream.js'
import type { Entry } from './entry.js'

/** A start that was sent to another machine before there was a place for it. */
export interface AheadStart {
  /** Its place in the line there. */
  readonly permit: SlotPermit
  hasBegun: boolean
  /** It was asked for back. */
  isRecalled: boolean
  /** Where it is to run instead, if it has not begun. */
  elsewhere: SlotPermit | null
}

export interface AheadOptions {
  /** Whether any may be sent. */
  readonly isOn: () => boolean
  readonly slots: LocalSlots
  readonly gate: Gate
  /** Takes one in among those that run. */
  readonly enter: (entry: Entry) => void
}

/**
 * Tasks that were sent ahead of their turn, so that the machine there does not stand still for as long as a word takes here and back:
 *
 *   sent ── one of its weight has ended there, as this side hears ──► has that one's place and permit: an ordinary task
 *    │ └─── it has begun there, which may be heard before that ───────►
 *    └───── taken back, or its host is lost ──► queued again, as if it had never been sent
 */
export class Ahead {
  readonly #options: AheadOptions
  /** In the order they were sent. */
  readonly #entries = new Set<Entry>()

  constructor(options: AheadOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /** Those that have not begun, as far as is known here. */
  *waiting(): Generator<Entry> {
    for (const entry of this.#entries) if (entry.ahead?.hasBegun === false) yield entry
  }

  get waitingCount(): number {
    let count = 0
    for (const _ of this.waiting()) count += 1
    return count
  }

  /** Whether one of that weight could be sent now, as far as the machines are concerned. */
  mayTake(weight: number): boolean {
    const { isOn, slots, gate } = this.#options
    return isOn() && slots.used <= slots.limit && gate.hasRoomAhead(weight)
  }

  /** Takes one that is about to be sent. @returns false where it cannot be. */
  add(entry: Entry): boolean {
    // What it reads can be given only once, or its owner starts it.
    const isPossible = entry.process === null && !isTaskStream(entry.task.stdin)
    if (!isPossible || !this.mayTake(entry.weight)) return false
    const permit = this.#options.gate.takeAhead(entry.weight)
    if (permit === null) return false
    entry.ahead = { permit, hasBegun: false, isRecalled: false, elsewhere: null }
    this.#entries.add(entry)
    return true
  }

  /** It has begun. */
  begin(entry: Entry): void {
    if (entry.ahead === null || entry.ahead.hasBegun) return
    entry.ahead.hasBegun = true
    this.#stay(entry)
    this.#options.enter(entry)
  }

  /** It is none of these any more. */
  delete(entry: Entry): void {
    this.#stay(entry)
    this.#entries.delete(entry)
    entry.ahead?.permit.release()
    entry.ahead = null
  }

  /**
   * Gives the permit of one that has ended to one that has begun in its place, or will.
   *
   * @param mayBegin - whether one may have it that has not begun yet.
   * @returns whether there was one.
   */
  passOn(permit: SlotPermit, weight: number, mayBegin: boolean): boolean {
    const heir = this.#nextOn(permit, weight, mayBegin)
    if (heir !== null) this.#promote(heir, permit)
    return heir !== null
  }

  /** Uses a new permit for the one that waits longest where it is for, if any does. */
  admit(permit: SlotPermit, weight: number): boolean {
    const next = this.#nextOn(permit, weight, true)
    if (next === null) return false
    this.#options.slots.acquire(weight)
    permit.begin?.()
    this.#promote(next, permit)
    return true
  }

  /** Asks for those back that have not begun. */
  takeBack(which: (entry: Entry) => boolean = () => true): void {
    for (const entry of this.waiting()) {
      if (entry.ahead!.isRecalled || !which(entry)) continue
      entry.ahead!.isRecalled = true
      entry.running?.takeBack?.()
    }
  }

  /**
   * Nothing waits to be started here: what waits elsewhere is let in there, or had back to where there is room for it.
   *
   * @returns whether there was something to be done.
   */
  useFree(): boolean {
    const { slots, gate } = this.#options
    const entry = this.#last
    if (entry === null || !slots.fits(entry.weight)) return false
    const permit = gate.take(entry.weight)
    if (permit === null) return false
    if (this.admit(permit, entry.weight)) return true
    slots.acquire(entry.weight)
    entry.ahead!.elsewhere = permit
    // So are all others, where more wait than are needed.
    const isTooMany = !gate.hasRoomAhead(entry.weight)
    this.takeBack((other) => other === entry || isTooMany)
    return true
  }

  /** The one that would be missed least if it were taken back. */
  get #last(): Entry | null {
    let last: Entry | null = null
    for (const entry of this.waiting()) if (!entry.ahead!.isRecalled) last = entry
    return last
  }

  /** What was kept for it elsewhere is free again. */
  #stay({ ahead, weight }: Entry): void {
    if (ahead === null || ahead.elsewhere === null) return
    this.#options.slots.release(weight)
    ahead.elsewhere.release()
    ahead.elsewhere = null
  }

  #nextOn({ spec }: SlotPermit, weight: number, mayBegin: boolean): Entry | null {
    let next: Entry | null = null
    for (const entry of this.#entries) {
      if (entry.weight !== weight || entry.ahead!.permit.spec?.host !== spec?.host) continue
      if (entry.ahead!.hasBegun) return entry
      if (mayBegin) next ??= entry
    }
    return next
  }

  #promote(entry: Entry, permit: SlotPermit): void {
    const { hasBegun } = entry.ahead!
    this.delete(entry)
    entry.permit = permit
    entry.running?.promote?.()
    if (!hasBegun) this.#options.enter(entry)
  }
}
