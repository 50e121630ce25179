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

/**
 * Tasks that were sent ahead of their turn, so that the machine there does not stand still for as long as a word takes here and back:
 *
 *   sent ── one of its weight has ended there, as this side hears ──► has that one's place and permit: an ordinary task
 *    │ └─── it has begun there, which may be heard before that ───────►
 *    └───── taken back, or its host is lost ──► queued again, as if it had never been sent
 */
export class Ahead {
  readonly #slots: LocalSlots
  readonly #enter: (entry: Entry) => void
  /** In the order they were sent. */
  readonly #entries = new Set<Entry>()

  /** @param enter - takes one in among those that run. */
  constructor(slots: LocalSlots, enter: (entry: Entry) => void) {
    this.#slots = slots
    this.#enter = enter
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

  add(entry: Entry, permit: SlotPermit): void {
    entry.ahead = { permit, hasBegun: false, isRecalled: false, elsewhere: null }
    this.#entries.add(entry)
  }

  /** It has begun. */
  begin(entry: Entry): void {
    if (entry.ahead === null || entry.ahead.hasBegun) return
    entry.ahead.hasBegun = true
    this.#stay(entry)
    this.#enter(entry)
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
    this.#slots.acquire(weight)
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

  /** The one that would be missed least if it were taken back. */
  get last(): Entry | null {
    let last: Entry | null = null
    for (const entry of this.waiting()) if (!entry.ahead!.isRecalled) last = entry
    return last
  }

  /** Has the last one run elsewhere, if it can be had back. */
  move(entry: Entry, permit: SlotPermit): void {
    this.#slots.acquire(entry.weight)
    entry.ahead!.elsewhere = permit
    entry.ahead!.isRecalled = true
    entry.running?.takeBack?.()
  }

  /** What was kept for it elsewhere is free again. */
  #stay({ ahead, weight }: Entry): void {
    if (ahead === null || ahead.elsewhere === null) return
    this.#slots.release(weight)
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
    if (!hasBegun) this.#enter(entry)
  }
}

/** What it reads can be given only once, or its owner starts it. */
export function mayGoAhead({ process, task }: Entry): boolean {
  return process === null && !isTaskStream(task.stdin)
}
