import { describe, expect, it } from 'vitest'
import { ResultStream } from '../../src/dispatch/result-stream.js'
import type { Result } from '../../src/task/result.js'

const result = (index: number) => ({ index }) as Result
const create = () => {
  const taken: number[] = []
  let left = 0
  const stream = new ResultStream(
    () => taken.push(stream.unread),
    async () => {
      left += 1
    },
  )
  return { stream, taken, left: () => left }
}

describe('ResultStream', () => {
  it('gives results in the order they came, whether the reader or they were there first', async () => {
    const { stream } = create()
    stream.push(result(0))
    stream.push(result(1))
    const asked = [stream.next(), stream.next(), stream.next(), stream.next()]
    stream.push(result(2))
    stream.push(result(3))
    const steps = await Promise.all(asked)
    expect(steps.map(({ value }) => value?.index)).toEqual([0, 1, 2, 3])
  })

  it('tells when there is room again', async () => {
    const { stream, taken } = create()
    stream.push(result(0))
    stream.push(result(1))
    expect(stream.unread).toBe(2)
    await stream.next()
    await stream.next()
    expect(taken).toEqual([1, 0])
  })

  it('ends once all has been read, for everybody who asks', async () => {
    const { stream } = create()
    stream.push(result(0))
    stream.end(null)
    expect((await stream.next()).value?.index).toBe(0)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('tells a failure once, after the last result', async () => {
    const { stream } = create()
    stream.push(result(0))
    const failure = new Error('broken')
    stream.end({ error: failure })
    expect((await stream.next()).value?.index).toBe(0)
    await expect(stream.next()).rejects.toBe(failure)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('ends the wait of those who asked before the end', async () => {
    const { stream } = create()
    const asked = [stream.next(), stream.next()]
    stream.end(null)
    expect(await Promise.all(asked)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
  })

  it('tells when its reader leaves', async () => {
    const { stream, left } = create()
    stream.push(result(0))
    expect(await stream.return()).toEqual({ done: true, value: undefined })
    expect(left()).toBe(1)
    expect(stream.unread).toBe(0)
  })

  it('keeps order and count over many results', async () => {
    const { stream } = create()
    const read: number[] = []
    for (let n = 0; n < 10_000; n++) {
      stream.push(result(n))
      if (n % 3 === 0) read.push((await stream.next()).value!.index)
    }
    stream.end(null)
    for (let step = await stream.next(); !step.done; step = await stream.next()) read.push(step.value.index)
    expect(read).toEqual(Array.from({ length: 10_000 }, (_, n) => n))
  })
})
