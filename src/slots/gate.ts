import type { StartSpec } from '../launcher/port.js'
import type { SlotContext, SlotPermit, SlotSource, SlotSourceMaker } from './slot-source.js'

/**
 * All sources that have to agree to a start. A task gets something of each, or nothing of any. What one has given while another is still
 * waited for is kept for a moment only, so that two runs never wait for ever for what the other has.
 */
export class Gate {
  readonly #sources: readonly SlotSource[]
  readonly #graceMs: number
  /** What is kept, in the order of the sources. */
  #kept: (SlotPermit | null)[]
  #weight = 0
  #timer: NodeJS.Timeout | null = null
  #isWanted = false

  /** @param graceMs - how long something is kept, give or take a third so that nobody is in step with another. */
  constructor(makers: readonly SlotSourceMaker[], context: SlotContext, graceMs = GRACE_MS) {
    this.#sources = makers.map((make) => make(context))
    this.#graceMs = graceMs
    this.#kept = this.#sources.map(() => null)
  }

  /** Null when it is not all there; `onChange` of the context tells when to ask again. */
  take(weight: number): SlotPermit | null {
    if (this.#sources.length === 0) return FREE
    this.#isWanted = true
    if (weight !== this.#weight) this.#release()
    this.#weight = weight
    this.#kept = this.#kept.map((permit, place) => permit ?? this.#sources[place]!.take(weight))
    const permits = this.#kept.filter((permit) => permit !== null)
    if (permits.length < this.#kept.length) {
      if (permits.length > 0)
        this.#timer ??= setTimeout(() => this.#giveUp(), this.#graceMs * (2 / 3 + Math.random() * (2 / 3)))
      return null
    }
    this.#kept = this.#sources.map(() => null)
    this.#stopTimer()
    return permits.length === 1 ? permits[0]! : joined(permits)
  }

  /** For a start that is sent ahead, to go on with what another leaves; null where that is not possible or not worth it. */
  takeAhead(weight: number): SlotPermit | null {
    for (const source of this.#sources) {
      const permit = source.takeAhead?.(weight)
      if (permit !== undefined && permit !== null) return permit
    }
    return null
  }

  hasRoomAhead(weight: number): boolean {
    return this.#sources.some((source) => source.hasRoomAhead?.(weight) === true)
  }

  /** Nothing waits to be started. */
  unwanted(): void {
    if (!this.#isWanted) return
    this.#isWanted = false
    this.#release()
    for (const source of this.#sources) source.unwanted()
  }

  /** Nothing runs and nothing waits. Resolves when all is given back. */
  async rest(): Promise<void> {
    this.unwanted()
    await Promise.all(this.#sources.map((source) => source.rest()))
  }

  /** Those that have given something wait no more; those that have not go on. */
  #giveUp(): void {
    const given = this.#sources.filter((_, place) => this.#kept[place] !== null)
    this.#release()
    for (const source of given) source.unwanted()
  }

  #release(): void {
    this.#stopTimer()
    const kept = this.#kept
    this.#kept = this.#sources.map(() => null)
    for (const permit of kept) permit?.release()
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

const GRACE_MS = 50

const FREE: SlotPermit = { release() {} }

function joined(permits: readonly SlotPermit[]): SlotPermit {
  const specs = permits.map(({ spec }) => spec).filter((spec) => spec !== undefined)
  const environments = specs.map(({ env }) => env).filter((env) => env !== undefined)
  return {
    ...(specs.length > 0 && {
      spec: {
        // Where there is none, the task's own is passed on as it is.
        ...(environments.length > 0 && { env: Object.assign({}, ...environments) }),
        descriptors: specs.flatMap(({ descriptors = [] }) => descriptors),
        host: specs.find(({ host }) => host !== undefined)?.host,
      },
    }),
    begin() {
      for (const permit of permits) permit.begin?.()
    },
    release() {
      for (const permit of permits) permit.release()
    },
  }
}

type Environment = NonNullable<StartSpec['env']>

/** For environments that cannot change, what was last made of them: one may be that of very many tasks. */
const merged = new WeakMap<Environment, { readonly given: Environment; readonly both: Environment }>()

function bothOf(given: Environment, own: Environment | undefined): Environment {
  if (own === undefined || !Object.isFrozen(own) || !Object.isFrozen(given)) return { ...given, ...own }
  const last = merged.get(own)
  if (last?.given === given) return last.both
  const both = Object.freeze({ ...given, ...own })
  merged.set(own, { given, both })
  return both
}

/** What is to be started, with what its permit gives it. What the task itself says of its environment stays. */
export function withPermit(spec: StartSpec, permit: SlotPermit): StartSpec {
  if (permit.spec === undefined) return spec
  const { env, descriptors = [], host } = permit.spec
  return {
    ...spec,
    ...(host !== undefined && { host }),
    ...(env !== undefined && { env: bothOf(env, spec.env) }),
    ...(descriptors.length > 0 && { descriptors: [...(spec.descriptors ?? []), ...descriptors] }),
  }
}
