import type { StartSpec } from '../launcher/port.js'
import type { SlotContext, SlotPermit, SlotSource, SlotSourceMaker } from './slot-source.js'

/**
 * All sources that have to agree to a start. A task gets something of each, or nothing of any: while one of them is waited for,
 * nothing of the others is kept, so that two runs never wait for what the other has.
 */
export class Gate {
  readonly #sources: readonly SlotSource[]
  #isWanted = false

  constructor(makers: readonly SlotSourceMaker[], context: SlotContext) {
    this.#sources = makers.map((make) => make(context))
  }

  /** Null when it is not all there; `onChange` of the context tells when to ask again. */
  take(weight: number): SlotPermit | null {
    if (this.#sources.length === 0) return FREE
    this.#isWanted = true
    const permits: SlotPermit[] = []
    for (const source of this.#sources) {
      const permit = source.take(weight)
      if (permit !== null) {
        permits.push(permit)
        continue
      }
      for (const taken of permits) taken.release()
      for (const other of this.#sources) if (other !== source) other.unwanted()
      return null
    }
    return permits.length === 1 ? permits[0]! : joined(permits)
  }

  /** Nothing waits to be started. */
  unwanted(): void {
    if (!this.#isWanted) return
    this.#isWanted = false
    for (const source of this.#sources) source.unwanted()
  }

  /** Nothing runs and nothing waits. Resolves when all is given back. */
  async rest(): Promise<void> {
    this.unwanted()
    await Promise.all(this.#sources.map((source) => source.rest()))
  }
}

const FREE: SlotPermit = { release() {} }

function joined(permits: readonly SlotPermit[]): SlotPermit {
  const env = Object.assign({}, ...permits.map(({ spec }) => spec?.env))
  const descriptors = permits.flatMap(({ spec }) => spec?.descriptors ?? [])
  return {
    spec: { env, descriptors },
    release() {
      for (const permit of permits) permit.release()
    },
  }
}

/** What is to be started, with what its permit gives it. What the task itself says of its environment stays. */
export function withPermit(spec: StartSpec, permit: SlotPermit): StartSpec {
  if (permit.spec === undefined) return spec
  const { env, descriptors = [] } = permit.spec
  return {
    ...spec,
    ...(env !== undefined && { env: { ...env, ...spec.env } }),
    ...(descriptors.length > 0 && { descriptors: [...(spec.descriptors ?? []), ...descriptors] }),
  }
}
