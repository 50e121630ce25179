import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TaskQueue } from '../../src/dispatch/task-queue.js'

interface Member {
  readonly priority: number
  readonly order: number
}

const sorted = (members: readonly Member[]) => members.toSorted((a, b) => b.priority - a.priority || a.order - b.order)
const priorities = fc.array(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ noNaN: true })), { maxLength: 100 })

describe('TaskQueue', () => {
  it('gives its members sorted: by priority, then as they came', () => {
    fc.assert(
      fc.property(priorities, (values) => {
        const members = values.map((priority, order) => ({ priority, order }))
        const queue = new TaskQueue<Member>()
        for (const member of members) queue.push(member)
        const popped = members.map(() => queue.pop())
        expect(popped).toEqual(sorted(members))
        expect([queue.pop(), queue.size]).toEqual([undefined, 0])
      }),
    )
  })

  it('always has the first of all at its head, whatever came and went', () => {
    const step = fc.oneof(
      fc.integer({ min: -2, max: 2 }),
      fc.constantFrom('pop' as const, 'drain' as const, 'pop' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new TaskQueue<Member>()
        let model: Member[] = []
        for (const [order, step] of steps.entries()) {
          if (step === 'pop') expect(queue.pop()).toEqual(model.shift())
          else if (step === 'drain') expect(queue.drain()).toEqual(model.splice(0))
          else {
            queue.push({ priority: step, order })
            model = sorted([...model, { priority: step, order }])
          }
          expect([queue.size, queue.peek()]).toEqual([model.length, model[0]])
        }
      }),
    )
  })
})
