import { join } from 'node:path'
import type { LauncherJobserver, StartSpec } from '../../launcher/port.js'
import { uniqueId } from '../../task/unique-id.js'
import { runtimeFolder } from '../runtime-folder.js'
import type { SlotContext, SlotPermit, SlotSource } from '../slot-source.js'
import { environmentFor } from './makeflags.js'

/** How a jobserver is named to tasks: two descriptors, which every make and cargo know, or the path of a named pipe. */
export type JobserverForm = 'pipe' | 'fifo'

const [READ, WRITE] = [3, 4]
const TOKEN = '+'.charCodeAt(0)

/**
 * The jobserver of a run: one limit for what runs here and for the jobs of makes, cargos and drovers inside.
 *
 *   concurrency = used by tasks + in hand + lent
 *                       ▲             │ ▲
 *                       └─── take ────┘ └── put into the pipe when nothing waits here, and wanted back when something does
 *
 * A task that runs has its own slot by that, as the protocol has it. What is lent and not given back, since its taker was killed, is in
 * hand again as soon as nothing runs.
 */
export class ServerTokens implements SlotSource {
  readonly #context: SlotContext
  readonly #form: JobserverForm
  readonly #isRequired: boolean
  #state: 'closed' | 'opening' | 'open' | 'impossible' = 'closed'
  #jobserver: LauncherJobserver | null = null
  #fifo = ''
  #used = 0
  #lent = 0
  #isWanting = false
  #lending: NodeJS.Immediate | null = null
  #spec: (Pick<StartSpec, 'env' | 'descriptors'> & { jobs: number }) | null = null

  /** @param isRequired - whether the run ends when there can be none; else people are told, and it goes on without. */
  constructor(context: SlotContext, form: JobserverForm, isRequired: boolean) {
    this.#isRequired = isRequired
    this.#context = context
    this.#form = form
  }

  get #inHand(): number {
    return this.#context.concurrency() - this.#used - this.#lent
  }

  take(weight: number): SlotPermit | null {
    if (this.#state === 'impossible') return WITHOUT
    if (this.#state !== 'open') {
      if (this.#state === 'closed') void this.#open()
      return null
    }
    const units = Math.min(weight, this.#context.concurrency())
    const missing = units - this.#inHand
    if (missing > 0) {
      this.#isWanting = true
      // What is not lent is used by tasks, whose end will be told.
      this.#jobserver!.want(Math.min(missing, this.#lent))
      return null
    }
    if (this.#isWanting) this.#jobserver!.want(0)
    this.#isWanting = false
    this.#used += units
    this.#lendLater()
    let isReleased = false
    return {
      spec: this.#specNow(),
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#used -= units
        if (this.#used === 0) this.#refill()
        this.#lendLater()
      },
    }
  }

  unwanted(): void {
    if (this.#isWanting) this.#jobserver?.want(0)
    this.#isWanting = false
    this.#lendLater()
  }

  async rest(): Promise<void> {
    if (this.#lending !== null) clearImmediate(this.#lending)
    this.#lending = null
    const jobserver = this.#jobserver
    if (this.#state !== 'impossible') this.#forget()
    await jobserver?.close()
  }

  async #open(): Promise<void> {
    this.#state = 'opening'
    // What happens from here on is told, which must not be within the call that asked.
    await undefined
    try {
      this.#fifo = join(runtimeFolder(), `jobs-${process.pid}-${uniqueId()}`)
      const { launcher, keepsAlive = true } = this.#context
      const spec = { fifo: this.#fifo, create: true, keepsAlive }
      const opened = await launcher.openJobserver!(spec, {
        onTokens: (tokens) => {
          this.#lent -= tokens.length
          this.#context.onChange()
          this.#lendLater()
        },
        onLost: () => {
          this.#forget()
          this.#context.onChange()
        },
      })
      // Nothing waits any more, if the run was ended meanwhile; rest() comes then.
      this.#jobserver = opened
      this.#state = 'open'
      this.#context.onChange()
    } catch (error) {
      this.#forget()
      if (this.#isRequired) return this.#context.onError(error)
      this.#state = 'impossible'
      this.#context.onWarning(
        `tasks are told of no jobserver: ${error instanceof Error ? error.message : String(error)}`,
      )
      this.#context.onChange()
    }
  }

  /** The launcher is gone, and the pipe with it. */
  #forget(): void {
    this.#state = 'closed'
    this.#jobserver = null
    this.#isWanting = false
    this.#lent = 0
    this.#spec = null
  }

  /** Nothing runs: whatever was lent is here, or its taker is gone. */
  #refill(): void {
    if (this.#lent > 0) this.#jobserver?.drain()
    this.#lent = 0
  }

  /** Not at once: mostly something else is started in this very turn. */
  #lendLater(): void {
    if (this.#state !== 'open') return
    this.#lending ??= setImmediate(() => {
      this.#lending = null
      this.#lend()
    })
  }

  #lend(): void {
    if (this.#jobserver === null || this.#isWanting || this.#used === 0) return
    const spare = this.#inHand
    // Fewer may run from now on than were lent.
    if (spare < 0 && this.#lent > 0) this.#jobserver.want(Math.min(-spare, this.#lent))
    if (spare <= 0) return
    this.#jobserver.give(Buffer.alloc(spare, TOKEN))
    this.#lent += spare
  }

  #specNow(): Pick<StartSpec, 'env' | 'descriptors'> {
    const jobs = this.#context.concurrency()
    if (this.#spec?.jobs === jobs) return this.#spec
    const isPipe = this.#form === 'pipe'
    const place = isPipe ? { read: READ, write: WRITE } : { fifo: this.#fifo }
    this.#spec = {
      jobs,
      env: Object.freeze(environmentFor(process.env, place, jobs)),
      ...(isPipe && {
        descriptors: [
          { as: READ, path: this.#fifo, mode: 'read' },
          { as: WRITE, path: this.#fifo, mode: 'write' },
        ],
      }),
    }
    return this.#spec
  }
}

const WITHOUT: SlotPermit = { release() {} }
