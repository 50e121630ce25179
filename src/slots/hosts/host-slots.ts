import type { Place, SshLauncher } from '../../launcher/ssh/ssh-launcher.js'
import type { SlotContext, SlotPermit, SlotSource, SlotSourceMaker } from '../slot-source.js'

/** Longer than any timer: it only keeps the event loop alive. */
const LONG_MS = 2 ** 30

/** The slots of all hosts together; what is given with one is the host that it is on. */
export function hostSlots(launcher: SshLauncher): SlotSourceMaker {
  return (context) => new HostSlots(launcher, context)
}

class HostSlots implements SlotSource {
  readonly #launcher: SshLauncher
  readonly #context: SlotContext
  #waiting: NodeJS.Timeout | null = null
  #closing: Promise<void> | null = null

  constructor(launcher: SshLauncher, context: SlotContext) {
    this.#launcher = launcher
    this.#context = context
  }

  take(weight: number): SlotPermit | null {
    const place = this.#take(weight)
    if (place === null) {
      if (this.#context.keepsAlive !== false) this.#waiting ??= setInterval(() => {}, LONG_MS)
      return null
    }
    return permitOf(place)
  }

  hasRoomAhead(weight: number): boolean {
    return this.#closing === null && this.#launcher.hasRoomAhead(weight)
  }

  takeAhead(weight: number): SlotPermit | null {
    const place = this.#closing === null ? this.#launcher.reserveAhead(weight) : null
    return place && permitOf(place)
  }

  /** Connections are held until nothing runs any more. */
  unwanted(): void {
    if (this.#waiting !== null) clearInterval(this.#waiting)
    this.#waiting = null
  }

  async rest(): Promise<void> {
    this.unwanted()
    this.#closing ??= this.#launcher.close().then(() => {
      this.#closing = null
    })
    await this.#closing
    // What came meanwhile has waited.
    if (this.#waiting !== null) this.#context.onChange()
  }

  #take(weight: number) {
    if (this.#closing !== null) return null
    const { onChange, onWarning, onError } = this.#context
    this.#launcher.open({
      onChange: () => onChange(),
      onWarning: (message) => onWarning(message),
      onNone: (error) => onError(error),
    })
    return this.#launcher.reserve(weight)
  }
}

function permitOf(place: Place): SlotPermit {
  return { spec: { host: place.host }, begin: () => place.begin(), release: () => place.release() }
}
