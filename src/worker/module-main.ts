/** The program of a worker that is a module: imports it, and serves what it exports, unless it calls serve() itself. */
import { fileURLToPath } from 'node:url'
import { cannotStart, tellEarlyOutput } from './frames-side.js'
import { protocolOutput } from './protocol-output.js'
import { hasServed, serve, type WorkerDefinition } from './serve.js'

interface WorkerModule extends Partial<WorkerDefinition> {
  /** Called before the first request. */
  readonly setup?: () => void | Promise<void>
  /** Called after the last one. */
  readonly teardown?: () => void | Promise<void>
}

const href = process.argv[2]!
// To the module it looks as if it had been started by itself.
process.argv.splice(1, 2, fileURLToPath(href))

const output = protocolOutput()
tellEarlyOutput(output)

try {
  const { handle, setup, teardown, exit, concurrency } = (await import(href)) as WorkerModule
  if (!hasServed()) {
    if (typeof handle !== 'function') {
      throw new TypeError(`${href} neither calls serve() nor exports a function handle; it has to do one of the two`)
    }
    await setup?.()
    serve({ handle, exit: teardown ?? exit, concurrency })
  }
} catch (error) {
  if (hasServed()) throw error
  cannotStart(output, error)
}
