import { describe, expect, it } from 'vitest'
import { Gate, withPermit } from '../../src/slots/gate.js'
import type { SlotContext, SlotPermit, SlotSource } from '../../src/slots/slot-source.js'
import { until } from '../helpers/until.js'

/** So many slots, some of which may have to be waited for; what happens is noted. */
class FakeSource implements SlotSource {
  readonly log: string[] = []
  readonly #env: Record<string, string> | undefined
  free: number
  waits = false

  constructor(free: number, env?: Record<string, string>) {
    this.free = free
    this.#env = env
  }

  take(weight: number): SlotPermit | null {
    if (weight > this.free) {
      this.waits = true
      return null
    }
    this.free -= weight
    return {
      ...(this.#env !== undefined && { spec: { env: this.#env } }),
      release: () => {
        this.free += weight
        this.log.push('released')
      },
    }
  }

  unwanted(): void {
    this.waits = false
    this.log.push('unwanted')
  }

  async rest(): Promise<void> {
    this.log.push('rest')
  }
}

const CONTEXT = { run: 'r', onChange() {}, onError() {}, onWarning() {} } as unknown as SlotContext
const gateOf = (...sources: FakeSource[]) =>
  new Gate(
    sources.map((source) => () => source),
    CONTEXT,
    10,
  )

describe('Gate', () => {
  it('lets all pass when nothing else has to agree', () => {
    const permit = gateOf().take(5)
    expect(permit).not.toBeNull()
    permit!.release()
  })

  it('takes of all sources, and gives all of it back', () => {
    const [a, b] = [new FakeSource(3), new FakeSource(2)]
    const permit = gateOf(a, b).take(2)!
    expect([a.free, b.free]).toEqual([1, 0])
    permit.release()
    expect([a.free, b.free]).toEqual([3, 2])
  })

  it.each([
    [1, 5, 5],
    [5, 1, 5],
    [5, 5, 1],
  ])('keeps for a moment what there is while one is waited for (%i, %i, %i)', async (...free) => {
    const sources = free.map((count) => new FakeSource(count))
    const gate = gateOf(...sources)
    expect(gate.take(2)).toBeNull()
    expect(sources.map((source) => source.free)).toEqual(free.map((count) => (count === 1 ? 1 : 3)))
    await until('it is given back', () => sources.every((source, place) => source.free === free[place]))
    expect(sources.map((source) => source.waits)).toEqual(free.map((count) => count === 1))
    for (const source of sources) source.free = 5
    expect(gate.take(2)).not.toBeNull()
    expect(sources.map((source) => source.free)).toEqual([3, 3, 3])
  })

  it('is passed when the last thing comes in time, and by another weight with other things', () => {
    const [a, b] = [new FakeSource(5), new FakeSource(0)]
    const gate = gateOf(a, b)
    expect(gate.take(2)).toBeNull()
    b.free = 3
    expect(gate.take(3)).not.toBeNull()
    expect([a.free, b.free]).toEqual([2, 0])
    expect(gate.take(1)).toBeNull()
    b.free = 1
    gate.take(1)!.release()
    expect([a.free, b.free]).toEqual([2, 1])
  })

  it('says once that nothing is wanted', () => {
    const source = new FakeSource(1)
    const gate = gateOf(source)
    gate.unwanted()
    expect(source.log).toEqual([])
    gate.take(1)
    gate.unwanted()
    gate.unwanted()
    expect(source.log).toEqual(['unwanted'])
  })

  it('rests all', async () => {
    const sources = [new FakeSource(1), new FakeSource(1)]
    await gateOf(...sources).rest()
    expect(sources.map(({ log }) => log)).toEqual([['rest'], ['rest']])
  })

  it('adds to a start what the permits give, but for what the task itself sets', () => {
    const permit = gateOf(new FakeSource(1, { A: 'one', B: 'two' }), new FakeSource(1, { C: 'three' })).take(1)!
    const spec = { file: 'x', args: [], scope: 's', env: { B: 'own' } } as unknown as Parameters<typeof withPermit>[0]
    expect(withPermit(spec, permit).env).toEqual({ A: 'one', B: 'own', C: 'three' })
    expect(withPermit(spec, permit)).not.toHaveProperty('descriptors')
  })

  it('gives the same environment again for those that cannot change, and a new one for those that can', () => {
    const given = Object.freeze({ A: 'one' })
    const permit = gateOf(new FakeSource(9, given)).take(1)!
    type Spec = Parameters<typeof withPermit>[0]
    const start = (env: Record<string, string>) => withPermit({ file: 'x', env } as unknown as Spec, permit).env
    const fixed = Object.freeze({ B: 'two' })
    expect(start(fixed)).toEqual({ A: 'one', B: 'two' })
    expect(start(fixed)).toBe(start(fixed))
    const open = { B: 'two' }
    start(open)
    open.B = 'three'
    expect(start(open)).toEqual({ A: 'one', B: 'three' })
    const other = gateOf(new FakeSource(9, Object.freeze({ A: 'other' }))).take(1)!
    expect(withPermit({ file: 'x', env: fixed } as unknown as Spec, other).env).toEqual({ A: 'other', B: 'two' })
  })
})
