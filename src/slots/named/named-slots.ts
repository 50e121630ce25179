import type { SlotsClaim, StartError } from '../../launcher/port.js'
import { DroverError, OptionError } from '../../task/errors.js'
import type { SlotContext, SlotPermit, SlotSource, SlotSourceMaker } from '../slot-source.js'
import { usableCpus } from '../usable-cpus.js'
import { slotFolder } from './slot-folder.js'

/** Slots that are handed from one task to the next are given back after this time, so that others get their turn. */
const LONGEST_USE_MS = 100
/** What the launcher takes for a weight. */
const MOST_SLOTS = 4_096

/** Slots that are held, and not used by a task at this moment or at least not yet. */
interface Held {
  readonly claim: SlotsClaim
  readonly weight: number
  readonly sinceMs: number
}

/**
 * Slots that all runs of this user share which give the same name. A task takes as many as it weighs.
 *
 *   wanted ──► waits in line, in the launcher ──► held: reserve ──► used by a task ─┐
 *                                                   ▲   └── nobody needs it: given back
 *                                                   └───── for a while, then given back
 */
export class NamedSlots implements SlotSource {
  readonly #context: SlotContext
  readonly #folder: string
  readonly #label: string
  readonly #reserve: Held[] = []
  readonly #using = new Set<Held>()
  #wanted: { readonly claim: SlotsClaim; readonly weight: number } | null = null
  #settling: NodeJS.Immediate | null = null
  readonly #returning = new Set<Promise<void>>()

  /** @param label - what people are told of this run. */
  constructor(context: SlotContext, folder: string, label: string) {
    this.#context = context
    this.#folder = folder
    this.#label = label
  }

  take(weight: number): SlotPermit | null {
    const units = Math.min(weight, MOST_SLOTS)
    const place = this.#reserve.findIndex((held) => held.weight === units)
    if (place === -1) {
      this.#want(units)
      return null
    }
    const [held] = this.#reserve.splice(place, 1)
    this.#using.add(held!)
    let isReleased = false
    return {
      release: () => {
        if (isReleased) return
        isReleased = true
        if (!this.#using.delete(held!)) return
        if (performance.now() - held!.sinceMs > LONGEST_USE_MS) return this.#giveBack(held!.claim)
        this.#reserve.push(held!)
        this.#settleLater()
      },
    }
  }

  unwanted(): void {
    this.#wantNoMore()
    for (const { claim } of this.#reserve.splice(0)) this.#giveBack(claim)
  }

  async rest(): Promise<void> {
    if (this.#settling !== null) clearImmediate(this.#settling)
    this.#settling = null
    this.unwanted()
    await Promise.all(this.#returning)
  }

  #want(weight: number): void {
    if (this.#wanted?.weight === weight) return
    this.#wantNoMore()
    // What does not fit now may be what somebody else waits for.
    for (const { claim } of this.#reserve.splice(0)) this.#giveBack(claim)
    const { launcher, keepsAlive = true } = this.#context
    const limit = Math.min(usableCpus(), MOST_SLOTS)
    const claim: SlotsClaim = launcher.takeSlots!(
      { folder: this.#folder, weight, limit, label: this.#label, keepsAlive },
      {
        onTaken: () => {
          if (this.#wanted?.claim === claim) this.#wanted = null
          this.#reserve.push({ claim, weight, sinceMs: performance.now() })
          this.#context.onChange()
          this.#settleLater()
        },
        onFailed: (error) => this.#onFailed(claim, error),
      },
    )
    this.#wanted = { claim, weight }
  }

  /** The launcher died, and the tasks on these slots with it; or there can be none. */
  #onFailed(claim: SlotsClaim, { code, message }: StartError): void {
    const wasWanted = this.#wanted?.claim === claim
    if (wasWanted) this.#wanted = null
    for (const held of this.#using) if (held.claim === claim) this.#using.delete(held)
    const place = this.#reserve.findIndex((held) => held.claim === claim)
    if (place !== -1) this.#reserve.splice(place, 1)
    if (!wasWanted) return
    if (code === 'ERR_DROVER_LAUNCHER_DIED') this.#context.onChange()
    else this.#context.onError(new DroverError(code, message))
  }

  #wantNoMore(): void {
    if (this.#wanted !== null) this.#giveBack(this.#wanted.claim)
    this.#wanted = null
  }

  /** Not at once: mostly something else is started in this very turn. */
  #settleLater(): void {
    this.#settling ??= setImmediate(() => {
      this.#settling = null
      for (const { claim } of this.#reserve.splice(0)) this.#giveBack(claim)
    })
  }

  #giveBack(claim: SlotsClaim): void {
    const given = claim.give()
    this.#returning.add(given)
    void given.then(() => this.#returning.delete(given))
  }
}

/**
 * @param name - which slots; it has been checked.
 * @throws OptionError (when it is made) without the native launcher.
 */
export function namedSlotsSource(name: string): SlotSourceMaker {
  return (context) => {
    if (!context.launcher.capabilities.slots) throw new OptionError(NEEDS_NATIVE)
    return new NamedSlots(context, slotFolder(name), `run ${context.run}: ${process.argv.slice(1).join(' ')}`)
  }
}

export const NEEDS_NATIVE =
  'slots: named slots need the native launcher, which is not used here; drover doctor says why, and how to get it'
