// Runs `echo N` many times: { pool: 'run' | 'work', count, concurrency, socket }.

import { submit, work } from '../../dist/fleet/index.js'
import { dispatch } from '../../dist/index.js'
import { parameters, report } from './report.mjs'

const { pool, count, concurrency, socket } = parameters
const tasks = Array.from({ length: count }, (_, index) => `echo ${index}`)
let done = 0

async function here() {
  const begunMs = performance.now()
  for await (const { state } of dispatch(tasks, { concurrency })) done += state === 'succeeded' ? 1 : 0
  return begunMs
}

async function there() {
  const queue = `redis+socket://${socket}?queue=starts`
  await submit(tasks, { queue })
  const begunMs = performance.now()
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    void work({
      queue,
      concurrency,
      outputs: null,
      onResult: ({ state }) => {
        done += state === 'succeeded' ? 1 : 0
      },
    }).then(({ bull }) => {
      let ended = 0
      bull.on('completed', () => {
        ended += 1
        if (ended === count) resolve()
      })
    })
  })
  return begunMs
}

const begunMs = await (pool === 'run' ? here() : there())
const seconds = (performance.now() - begunMs) / 1_000
if (done !== count) throw new Error(`${done} of ${count} succeeded`)
report({ rate: count / seconds })
process.exit()
