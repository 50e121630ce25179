import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { RequestQueue } from '../../src/worker/request-queue.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

it('a worker that never runs out of requests keeps none of those that it has answered', async () => {
  const goOn: (() => void)[] = []
  const queue = new RequestQueue(() => new Promise<void>((resolve) => goOn.push(resolve)), 1)
  const answered: number[] = []
  queue.answerWith({ onValue: (id) => answered.push(id), onError: () => {} })
  const requests: WeakRef<object>[] = []
  const add = (id: number) => {
    const request = { id }
    requests.push(new WeakRef(request))
    queue.add(id, request)
  }
  for (const id of [0, 1, 2]) add(id)
  for (let id = 3; id < 1000; id++) {
    add(id)
    goOn.shift()!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(answered).toEqual(Array.from({ length: 997 }, (_, id) => id))
  collectGarbage()
  expect(requests.filter((request) => request.deref() !== undefined).length).toBeLessThan(100)
})
