import { serve } from '../../../dist/worker/index.js'

let answered = 0
serve({
  handle(request) {
    answered += 1
    if (request === 'fail') throw new RangeError('cannot do that')
    if (request === 'print') console.log('printed')
    if (request === 'object') return { an: 'object' }
    console.error(`got ${request.length}`)
    return request
  },
  exit: () => console.log(`goodbye after ${answered}`),
})
