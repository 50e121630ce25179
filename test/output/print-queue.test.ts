import { expect, test } from 'vitest'
import { deferred } from '../../src/output/maybe.js'
import { PrintQueue } from '../../src/output/print-queue.js'

test('jobs run one after the other, also after one that failed', async () => {
  const queue = new PrintQueue()
  const gate = deferred()
  const order: string[] = []
  const note = (name: string) => () => {
    order.push(name)
    return undefined
  }
  const first = queue.run(() => gate.promise.then(note('first')))
  const failing = queue.run(() => Promise.reject(new Error('no')))
  const last = queue.run(note('last'))
  expect(order).toEqual([])
  gate.resolve()
  await expect(failing).rejects.toThrow('no')
  await Promise.all([first, last])
  expect(order).toEqual(['first', 'last'])
})

test('who waited once need not wait again', async () => {
  const queue = new PrintQueue()
  expect(queue.run(() => undefined)).toBeUndefined()
  await queue.run(() => Promise.resolve())
  expect(queue.run(() => undefined)).toBeUndefined()
  await queue.run(() => Promise.reject(new Error('no')))?.catch(() => {})
  expect(queue.run(() => undefined)).toBeUndefined()
})
