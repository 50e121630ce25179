import { OptionError } from '../../task/errors.js'
import type { SlotContext, SlotPermit, SlotSource, SlotSourceMaker } from '../slot-source.js'
import { type Looks, lookAtMachine, PRESSURE_KINDS, problemOfLook } from './machine.js'
import {
  type AdmissionPolicy,
  LoadPolicy,
  MemoryPolicy,
  type PressureKind,
  PressurePolicy,
  type Sample,
} from './policies.js'

/** When something may start, by what else goes on on the machine. All of it is optional. */
export interface AdmissionOptions {
  /** Start only while fewer threads than this run or want to, on average over a second. Linux only. */
  readonly maxLoad?: number | undefined
  /** Start only while so much memory is available, in bytes; below half of it the youngest task is ended and queued again. */
  readonly minFreeBytes?: number | undefined
  /**
   * Start only while something waits for less than so many percent of the time, by the kernel's pressure stall information, over the last ten
   * seconds: one number for all three, or one each. Linux only.
   */
  readonly maxPressure?: number | Readonly<Partial<Record<PressureKind, number>>> | undefined
}

/** How often is looked. */
const INTERVAL_MS = 250
/** After so long without a start people are told why. */
const PATIENCE_MS = 10_000

/** @returns null when nothing is asked for. @throws OptionError for what is no limit, or cannot be looked at here. */
export function admissionSource(options: AdmissionOptions): SlotSourceMaker | null {
  const policies = policiesOf(options)
  if (policies.length === 0) return null
  const looks: Looks = {
    runnable: options.maxLoad !== undefined,
    availableBytes: options.minFreeBytes !== undefined,
    pressure: options.maxPressure !== undefined,
  }
  for (const [look, isWanted] of Object.entries(looks)) {
    const problem = isWanted ? problemOfLook(look as keyof Sample) : null
    if (problem !== null) throw new OptionError(`${problem}; leave the option out`)
  }
  return (context) => new Admission(policiesOf(options), () => lookAtMachine(looks), context)
}

function policiesOf({ maxLoad, minFreeBytes, maxPressure }: AdmissionOptions): AdmissionPolicy[] {
  const policies: AdmissionPolicy[] = []
  if (maxLoad !== undefined) policies.push(new LoadPolicy(checkNumber('maxLoad', maxLoad, Number.POSITIVE_INFINITY)))
  if (minFreeBytes !== undefined)
    policies.push(new MemoryPolicy(checkNumber('minFreeBytes', minFreeBytes, Number.POSITIVE_INFINITY)))
  if (maxPressure !== undefined) policies.push(new PressurePolicy(pressuresOf(maxPressure)))
  return policies
}

function pressuresOf(given: NonNullable<AdmissionOptions['maxPressure']>): Partial<Record<PressureKind, number>> {
  if (typeof given === 'number') {
    const most = checkNumber('maxPressure', given, 100)
    return { cpu: most, memory: most, io: most }
  }
  for (const [kind, most] of Object.entries(given)) {
    if (!PRESSURE_KINDS.includes(kind as PressureKind))
      throw new OptionError(`maxPressure: expected cpu, memory and io, not ${JSON.stringify(kind)}`)
    checkNumber(`maxPressure.${kind}`, most, 100)
  }
  return given
}

function checkNumber(name: string, value: number, most: number): number {
  if (typeof value === 'number' && value > 0 && value <= most) return value
  const range = most === 100 ? 'percent above 0, up to 100' : 'a number above 0'
  throw new OptionError(`${name}: expected ${range}, not ${String(value)}`)
}

/** Lets starts through as its policies allow, all of which have to agree. */
export class Admission implements SlotSource {
  readonly #policies: readonly AdmissionPolicy[]
  readonly #look: () => Sample
  readonly #context: SlotContext
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | null = null
  #left = 0
  #running = 0
  #waitsSince: number | null = null
  #hasWarned = false

  constructor(
    policies: readonly AdmissionPolicy[],
    look: () => Sample,
    context: SlotContext,
    intervalMs = INTERVAL_MS,
  ) {
    this.#policies = policies
    this.#look = look
    this.#context = context
    this.#intervalMs = intervalMs
  }

  take(): SlotPermit | null {
    if (this.#timer === null) {
      this.#timer = setInterval(() => this.#onTime(), this.#intervalMs)
      this.#decide()
    }
    if (this.#left === 0) {
      this.#waitsSince ??= performance.now()
      if (this.#context.keepsAlive === false) this.#timer.unref()
      else this.#timer.ref()
      return null
    }
    this.#left -= 1
    this.#running += 1
    this.#waitsSince = null
    let isReleased = false
    return {
      release: () => {
        if (!isReleased) this.#running -= 1
        isReleased = true
      },
    }
  }

  unwanted(): void {
    this.#waitsSince = null
    // What runs may still have to make way.
    this.#timer?.unref()
  }

  async rest(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#left = 0
    this.#waitsSince = null
  }

  #onTime(): void {
    this.#decide()
    if (this.#waitsSince === null) return
    if (this.#left > 0) return this.#context.onChange()
    if (this.#hasWarned || this.#running > 0 || performance.now() - this.#waitsSince < PATIENCE_MS) return
    this.#hasWarned = true
    this.#context.onWarning(`nothing is started: ${this.#policies.map(({ words }) => words).join('; ')}`)
  }

  #decide(): void {
    const sample = this.#look()
    const decisions = this.#policies.map((policy) => policy.decide(sample))
    this.#left = decisions.includes('shed') ? 0 : Math.min(...(decisions as number[]))
    if (!decisions.includes('shed')) return
    const bytes = sample.availableBytes
    this.#context.shed({
      code: 'ERR_DROVER_MEMFREE',
      message: `ended and queued again, since only ${bytes} bytes of memory were available`,
    })
  }
}
