import { expect, it } from 'vitest'
import { SharedPixels } from '../../src/report/page/shared-pixels.js'

/** What is drawn for bars of a pixel, a color and whether they stand out each. */
function drawn(bars: readonly [pixel: number, color: number, standsOut: boolean][]): unknown[] {
  const calls: unknown[] = []
  const pixels = new SharedPixels(
    (color, from, to) => calls.push([color, from, to]),
    (color, pixel, share) => calls.push([color, pixel, `${Math.round(share * 100)}%`]),
  )
  for (const [pixel, color, standsOut] of bars) pixels.add({ pixel, color, weight: color, standsOut })
  pixels.flush()
  return calls
}

it('draws pixels side by side with the same color at once', () => {
  expect(drawn([3, 3, 4, 5, 9].map((pixel) => [pixel, 0, false]))).toEqual([
    [0, 3, 6],
    [0, 9, 10],
  ])
})

it('draws what stands out as high as its share is, and never so low that it is not seen', () => {
  const many = Array.from({ length: 99 }, () => [7, 0, false] as [number, number, boolean])
  expect(drawn([...many, [7, 4, true], [8, 0, false], [8, 4, true], [8, 5, true], [9, 4, true]])).toEqual([
    [4, 7, '30%'],
    [5, 8, '67%'],
    [0, 7, 9],
    [4, 9, '100%'],
  ])
})

it('draws nothing for nothing', () => {
  expect(drawn([])).toEqual([])
})
