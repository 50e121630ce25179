import { expect, it } from 'vitest'
import { Deadline } from '../../src/process/deadline.js'
import { until } from '../helpers/until.js'

/** The event loop does nothing else meanwhile. */
const block = (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

it('a deadline that is over, but has not been told, stands still as any other', async () => {
  let over = 0
  const deadline = new Deadline(1, () => {
    over += 1
  })
  const suspended = new Promise<void>((resolve) => {
    setTimeout(() => {
      deadline.suspend()
      resolve()
    }, 1)
  })
  // Both timers are due then, in the same turn.
  block(5)
  await suspended
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve))
  expect(over).toBe(0)
  deadline.resume()
  await until('it is over', () => over > 0)
  deadline.suspend()
  deadline.resume()
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setTimeout(resolve, 1))
  expect(over).toBe(1)
})
