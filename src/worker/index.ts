/** What a worker imports: `drover/worker`. */
export { type RequestContext, serve, type WorkerDefinition } from './serve.js'
