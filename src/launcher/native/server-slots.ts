import type { SlotsClaim, SlotsEvents, SlotsSpec, StartError } from '../port.js'
import { u32 } from './frame-reader.js'
import { textBound } from './frame-writer.js'
import type { LockConnection } from './server-locks.js'
import { systemErrorOf } from './start-errors.js'
import { Notice, Request } from './wire.js'

/** The shared slots that one launcher holds, or waits for. */
export class ServerSlots {
  readonly #connection: LockConnection
  readonly #claims = new Map<number, NativeClaim>()
  #count = 0

  constructor(connection: LockConnection) {
    this.#connection = connection
  }

  take({ weight, limit, folder, label, keepsAlive = true }: SlotsSpec, events: SlotsEvents): SlotsClaim {
    this.#count += 1
    const number = this.#count
    const { writer } = this.#connection
    writer.begin(Request.slotsTake, 0, number, 12 + textBound(folder) + textBound(label))
    writer.u32(weight)
    writer.u32(limit)
    writer.u32(process.pid)
    writer.text(folder)
    writer.text(label)
    writer.end()
    const claim = new NativeClaim(folder, keepsAlive, events, this.#connection, () => {
      writer.begin(Request.slotsGive, 0, number, 0)
      writer.end()
    })
    this.#claims.set(number, claim)
    return claim
  }

  handle(type: number, number: number, bytes: Buffer, at: number): void {
    const claim = this.#claims.get(number)
    if (claim === undefined) return
    if (type === Notice.slotsTaken) return claim.handleTaken(u32(bytes, at))
    // The answer to giving it back is still to come then.
    if (type === Notice.slotsGiven || !claim.isReturning) this.#claims.delete(number)
    if (type === Notice.slotsGiven) claim.handleGiven()
    else claim.fail(systemErrorOf(u32(bytes, at)))
  }

  /** The launcher is gone. */
  end(error: StartError): void {
    for (const claim of this.#claims.values()) {
      if (claim.isReturning) claim.handleGiven()
      else claim.fail(error)
    }
    this.#claims.clear()
  }
}

class NativeClaim implements SlotsClaim {
  readonly #folder: string
  /** Whether it holds the event loop. */
  #isHolding: boolean
  readonly #events: SlotsEvents
  readonly #connection: LockConnection
  readonly #giveBack: () => void
  #state: 'waiting' | 'held' | 'returning' | 'over' = 'waiting'
  #given: Promise<void> | null = null
  #resolve: (() => void) | null = null

  constructor(
    folder: string,
    keepsAlive: boolean,
    events: SlotsEvents,
    connection: LockConnection,
    giveBack: () => void,
  ) {
    this.#folder = folder
    this.#isHolding = keepsAlive
    this.#events = events
    this.#connection = connection
    this.#giveBack = giveBack
    if (keepsAlive) connection.hold(1)
  }

  get isReturning(): boolean {
    return this.#state === 'returning'
  }

  give(): Promise<void> {
    if (this.#state === 'over') return Promise.resolve()
    if (this.#given !== null) return this.#given
    this.#hold(true)
    this.#state = 'returning'
    this.#giveBack()
    this.#given = new Promise((resolve) => {
      this.#resolve = resolve
    })
    return this.#given
  }

  handleTaken(count: number): void {
    if (this.#state !== 'waiting') return
    this.#state = 'held'
    this.#hold(false)
    this.#events.onTaken(count)
  }

  handleGiven(): void {
    this.#state = 'over'
    this.#hold(false)
    this.#resolve?.()
  }

  fail({ code, message }: StartError): void {
    const state = this.#state
    if (state === 'returning' || state === 'over') return
    this.#state = 'over'
    this.#hold(false)
    this.#events.onFailed({ code, message: `the slots in ${this.#folder}: ${message}` })
  }

  #hold(isHolding: boolean): void {
    if (this.#isHolding === isHolding) return
    this.#isHolding = isHolding
    if (isHolding) this.#connection.hold(1)
    else this.#connection.release()
  }
}
