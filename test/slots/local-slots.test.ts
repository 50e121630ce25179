import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LocalSlots, SlotNumbers } from '../../src/slots/local-slots.js'

describe('LocalSlots', () => {
  it('gives as many slots as there are, by weight, all or none', () => {
    const slots = new LocalSlots(4)
    expect([slots.tryAcquire(3), slots.tryAcquire(2), slots.tryAcquire(1), slots.tryAcquire(1)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    expect(slots.used).toBe(4)
    slots.release(3)
    expect([slots.fits(3), slots.fits(4)]).toEqual([true, false])
  })

  it('lets one that weighs more than all run alone', () => {
    const slots = new LocalSlots(2)
    expect(slots.tryAcquire(1)).toBe(true)
    expect(slots.tryAcquire(5)).toBe(false)
    slots.release(1)
    expect(slots.tryAcquire(5)).toBe(true)
    expect(slots.fits(1)).toBe(false)
    slots.release(5)
    expect(slots.fits(1)).toBe(true)
  })

  it('takes nothing away when the limit falls', () => {
    const slots = new LocalSlots(3)
    for (let n = 0; n < 3; n++) slots.tryAcquire(1)
    slots.limit = 1
    expect(slots.used).toBe(3)
    slots.release(1)
    slots.release(1)
    expect(slots.fits(1)).toBe(false)
    slots.release(1)
    expect(slots.fits(1)).toBe(true)
  })

  it('knows no limit with Infinity', () => {
    const slots = new LocalSlots(Number.POSITIVE_INFINITY)
    for (let n = 0; n < 10_000; n++) expect(slots.tryAcquire(1_000)).toBe(true)
  })

  it('is never over its limit, but for one that is alone', () => {
    const step = fc.oneof(
      fc.record({ acquire: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ release: fc.nat() }),
      fc.record({ limit: fc.integer({ min: 1, max: 5 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const slots = new LocalSlots(3)
        const held: number[] = []
        const used = () => held.reduce((sum, weight) => sum + weight, 0)
        for (const step of steps) {
          if ('limit' in step) slots.limit = step.limit
          else if ('release' in step) {
            const [weight] = held.splice(step.release % Math.max(1, held.length), 1)
            if (weight !== undefined) slots.release(weight)
          } else {
            const may = held.length === 0 || used() + step.acquire <= slots.limit
            expect(slots.fits(step.acquire)).toBe(may)
            expect(slots.tryAcquire(step.acquire)).toBe(may)
            if (may) held.push(step.acquire)
          }
          expect([slots.used, slots.holders]).toEqual([used(), held.length])
        }
      }),
    )
  })
})

describe('SlotNumbers', () => {
  it('gives the lowest number that is free, from 1', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat()), { maxLength: 200 }), (steps) => {
        const numbers = new SlotNumbers()
        const taken: number[] = []
        for (const step of steps) {
          if (step === null) {
            const lowest = Array.from({ length: taken.length + 1 }, (_, n) => n + 1).find((n) => !taken.includes(n))
            expect(numbers.take()).toBe(lowest)
            taken.push(lowest!)
          } else {
            const [back] = taken.splice(step % Math.max(1, taken.length), 1)
            if (back !== undefined) numbers.giveBack(back)
          }
        }
      }),
    )
  })
})
