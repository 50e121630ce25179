import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packLanes, START_PRECISION_MS } from '../../src/report/lanes.js'

const pack = (spans: readonly (readonly [number, number])[], groups = spans.map(() => 0)) =>
  packLanes(
    spans.map(([start]) => start),
    spans.map(([, duration]) => duration),
    groups,
  )

it('tasks one after the other share a lane, and those at once do not', () => {
  const { laneOf, counts } = pack([
    [0, 10],
    [0, 20],
    [10, 5],
    [21, 5],
  ])
  expect([...laneOf]).toEqual([0, 1, 0, 0])
  expect(counts).toEqual([2])
})

it('a task that began in the millisecond in which another ended is taken to have come after it', () => {
  expect(
    pack([
      [0, 10.9],
      [10, 5],
    ]).counts,
  ).toEqual([1])
  expect(
    pack([
      [0, 11.1],
      [10, 5],
    ]).counts,
  ).toEqual([2])
})

it('what was never started has no lane, and hosts share none', () => {
  const { laneOf, counts } = pack(
    [
      [0, 5],
      [Number.NaN, 0],
      [10, 5],
      [0, 5],
    ],
    [0, 0, 1, 1],
  )
  expect([...laneOf]).toEqual([0, -1, 0, 0])
  expect(counts).toEqual([1, 1])
})

it('in a lane nothing overlaps, and there are no more lanes than tasks at once', () => {
  const spans = fc.array(fc.tuple(fc.nat(200), fc.nat(60)), { maxLength: 60 })
  fc.assert(
    fc.property(spans, (list) => {
      const { laneOf, counts } = pack(list)
      for (const [a, [start, duration]] of list.entries()) {
        for (const [b, [later, took]] of list.entries()) {
          // Of those that start together the shorter one comes first.
          const isBefore = later - start || took - duration || b - a
          if (isBefore <= 0 || laneOf[a] !== laneOf[b]) continue
          expect(start + duration).toBeLessThan(later + START_PRECISION_MS)
        }
      }
      const most = Math.max(
        0,
        ...list.map(
          ([at]) =>
            list.filter(
              ([start, duration]) => (start <= at && start + duration >= at + START_PRECISION_MS) || start === at,
            ).length,
        ),
      )
      expect(counts[0] ?? 0).toBeLessThanOrEqual(most)
    }),
  )
})
