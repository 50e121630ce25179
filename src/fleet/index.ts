export { describeAddress, type HostPort, parseQueueAddress, type QueueAddress, type TlsFiles } from './address.js'
export type { BackendOptions } from './backend.js'
export { type Cancelling, type CancelOptions, cancel } from './cancel.js'
export type { CancelMark } from './control.js'
export * from './dashboard/index.js'
export { type AddressSources, findQueueAddress } from './find-address.js'
export { QueueError } from './fleet-error.js'
export { FleetWorker, work } from './fleet-worker.js'
export { type LimitOptions, limit } from './limits.js'
export type { QueueChoice } from './open-queue.js'
export * from './private-server/index.js'
export { QueueRunner, type QueueRunnerOptions } from './queue-runner.js'
export {
  type FleetStatus,
  type QueueLimits,
  type RunningTask,
  type StatusOptions,
  status,
  type TaskCounts,
} from './status.js'
export { type Submission, type SubmitOptions, submit } from './submit.js'
export type { TaskEnvelope } from './task-envelope.js'
export * from './trust/index.js'
export type { EnvelopeSigner, EnvelopeVerifier, TaskPlace } from './trust.js'
export type { WorkCounts } from './work-counts.js'
export type { HandlerInfo, TaskHandler, WorkOptions } from './work-options.js'
