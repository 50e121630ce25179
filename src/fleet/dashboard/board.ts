import type { Queue } from 'bullmq'
import type { Hono } from 'hono'
import type { DashboardPackages } from './packages.js'
import type { BoardQueue } from './queue-shape.js'
import { shownEnvelope, shownResult } from './shown-job.js'

/** The pages of bull-board for some queues. */
export function boardOf(packages: DashboardPackages, queues: readonly BoardQueue[], readOnlyMode: boolean): Hono {
  const { api, adapter, board, files } = packages
  const shown = queues.map((queue) => {
    const each = new adapter.BullMQAdapter(queue as unknown as Queue, { readOnlyMode })
    each.setFormatter('data', shownEnvelope)
    each.setFormatter('returnValue', shownResult)
    return each
  })
  let folder = ''
  // That of bull-board is found from the current directory, which may be another by then.
  const serveStatic: typeof files.serveStatic = (options) => files.serveStatic({ ...options, root: folder })
  const server = new (class extends board.HonoAdapter {
    override setStaticPath(route: string, path: string): this {
      folder = path
      return super.setStaticPath(route, path)
    }
  })(serveStatic)
  api.createBullBoard({
    queues: shown,
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'drover', hideDocsLink: true } },
  })
  return server.registerPlugin() as unknown as Hono
}
