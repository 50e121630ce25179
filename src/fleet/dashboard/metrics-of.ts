import type { FleetWorker } from '../fleet-worker.js'
import type { RefusalCounts } from '../trust/refusals.js'
import type { DashboardPackages } from './packages.js'
import type { BoardQueue } from './queue-shape.js'
import { shownResult } from './shown-job.js'
import { type Measured, WorkerMetrics } from './worker-metrics.js'

/** Metrics of a worker, which measure each result that the server has taken from it. */
export function metricsOf(
  packages: DashboardPackages,
  worker: FleetWorker,
  queue: BoardQueue,
  refused: (() => RefusalCounts) | undefined,
): WorkerMetrics {
  const metrics = new WorkerMetrics(packages.metrics, { queue, counts: () => worker.counts(), refused })
  worker.bull.on('completed', (_, result) => metrics.ended(shownResult(result) as Measured))
  return metrics
}
