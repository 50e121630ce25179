import type { LauncherJobserver, StartError, StartSpec } from '../../launcher/port.js'
import { DroverError } from '../../task/errors.js'
import type { SlotContext, SlotPermit, SlotSource } from '../slot-source.js'
import type { JobserverPlace } from './makeflags.js'

/** A token that is handed from one task to the next is given back after this time, so that others get their turn. */
const LONGEST_USE_MS = 100

/** A token, and when it was taken. */
interface Token {
  readonly byte: number
  readonly sinceMs: number
}

/**
 * Slots from the jobserver that this process was started under. One task has the slot that every process has anyway, which is no token;
 * every other one needs a token, and as many as it weighs.
 */
export class ClientTokens implements SlotSource {
  readonly #context: SlotContext
  readonly #place: JobserverPlace
  readonly #jobs: number | null
  readonly #spec: Pick<StartSpec, 'descriptors'> | undefined
  #state: 'closed' | 'opening' | 'open' | 'failed' = 'closed'
  #jobserver: LauncherJobserver | null = null
  /** The last one whose launcher died: what was taken of it is being given back. */
  #lost: LauncherJobserver | null = null
  /** Counts the times that it was opened: tokens of an earlier time have been given back already. */
  #epoch = 0
  #isOwnSlotFree = true
  /** Taken, and not used by a task yet, or not any more. */
  #reserve: Token[] = []
  #isWanting = false
  #settling: NodeJS.Immediate | null = null

  /** @param jobs - how many there may be in all; null when not known. */
  constructor(context: SlotContext, place: JobserverPlace, jobs: number | null) {
    this.#context = context
    this.#place = place
    this.#jobs = jobs
    // A named pipe is found by its path.
    if (!('fifo' in place)) {
      this.#spec = { descriptors: [place.read, place.write].map((fd) => ({ as: fd, inherited: fd })) }
    }
  }

  take(weight: number): SlotPermit | null {
    const units = Math.min(weight, this.#jobs ?? this.#context.concurrency())
    const needed = units - (this.#isOwnSlotFree ? 1 : 0)
    if (needed > this.#reserve.length) {
      this.#wait(needed)
      return null
    }
    if (this.#isWanting) this.#jobserver?.want(0)
    this.#isWanting = false
    const usesOwn = this.#isOwnSlotFree
    this.#isOwnSlotFree = false
    return this.#permit(usesOwn, this.#reserve.splice(0, needed))
  }

  unwanted(): void {
    if (this.#isWanting) this.#jobserver?.want(0)
    this.#isWanting = false
    this.#giveBack(this.#reserve.splice(0))
  }

  async rest(): Promise<void> {
    if (this.#settling !== null) clearImmediate(this.#settling)
    this.#settling = null
    this.unwanted()
    const jobserver = this.#jobserver
    this.#forget('closed')
    await Promise.all([jobserver?.close(), this.#lost?.close()])
  }

  #permit(usesOwn: boolean, tokens: readonly Token[]): SlotPermit {
    const epoch = this.#epoch
    let isReleased = false
    return {
      spec: this.#spec,
      release: () => {
        if (isReleased) return
        isReleased = true
        if (usesOwn) this.#isOwnSlotFree = true
        if (epoch !== this.#epoch) return
        const now = performance.now()
        this.#giveBack(tokens.filter(({ sinceMs }) => now - sinceMs > LONGEST_USE_MS))
        this.#reserve.push(...tokens.filter(({ sinceMs }) => now - sinceMs <= LONGEST_USE_MS))
        this.#settleLater()
      },
    }
  }

  /** All that is needed comes together: what is kept while waiting for more may be what somebody else waits for. */
  #wait(needed: number): void {
    if (this.#state === 'closed') void this.#open()
    if (this.#state !== 'open') return
    this.#giveBack(this.#reserve.splice(0))
    this.#isWanting = true
    this.#jobserver!.want(needed)
  }

  async #open(): Promise<void> {
    this.#state = 'opening'
    try {
      const { launcher, keepsAlive = true } = this.#context
      const opened = await launcher.openJobserver!(
        { ...this.#place, keepsAlive },
        {
          onTokens: (bytes) => {
            const sinceMs = performance.now()
            for (const byte of bytes) this.#reserve.push({ byte, sinceMs })
            this.#context.onChange()
            this.#settleLater()
          },
          onLost: (error) => {
            this.#lost = this.#jobserver
            this.#forget(error.code.startsWith('ERR_DROVER_') ? 'closed' : 'failed')
            if (this.#state === 'failed') this.#warn(error)
            this.#context.onChange()
          },
        },
      )
      this.#epoch += 1
      this.#jobserver = opened
      this.#state = 'open'
      this.#context.onChange()
    } catch (error) {
      this.#forget('failed')
      if (!(error instanceof DroverError)) return this.#context.onError(error)
      this.#warn(error)
    }
  }

  #warn({ message }: Pick<StartError, 'message'>): void {
    this.#context.onWarning(`${message}; one task runs at a time`)
  }

  /** What was taken before has been given back by the launcher. */
  #forget(state: 'closed' | 'failed'): void {
    this.#state = state
    this.#jobserver = null
    this.#epoch += 1
    this.#reserve = []
    this.#isWanting = false
  }

  /** Not at once: mostly something else is started in this very turn. */
  #settleLater(): void {
    this.#settling ??= setImmediate(() => {
      this.#settling = null
      this.#giveBack(this.#reserve.splice(0))
    })
  }

  #giveBack(tokens: readonly Token[]): void {
    if (tokens.length > 0) this.#jobserver?.give(Uint8Array.from(tokens, ({ byte }) => byte))
  }
}
