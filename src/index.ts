export { findRun, liveRuns, type SilentRun } from './control/find-runs.js'
export type { LiveRun } from './control/protocol.js'
export { RemoteRun, type Tail, type TailOutput } from './control/remote-run.js'
export { type DispatchRun, type DispatchSourceOptions, dispatch } from './dispatch/dispatch.js'
export type { ControlHooks, DispatchOptions, OutputFiles, StartInfo, TaskOutput } from './dispatch/dispatch-options.js'
export { type AddedTask, Dispatcher, type DispatcherEvents, type DispatcherOptions } from './dispatch/dispatcher.js'
export type { Progress, Summary } from './dispatch/progress.js'
export type { OutputFollower } from './dispatch/recent-output.js'
export type { ResultJournal } from './dispatch/result-journal.js'
export type { Followed, LiveTask, Steering } from './dispatch/steering.js'
export type { RunningElsewhere, TaskRunner } from './dispatch/task-runner.js'
export type { Tasks } from './dispatch/task-source.js'
export { type DaemonSummary, daemon } from './executive/daemon.js'
export type { DaemonOptions, DaemonRound } from './executive/daemon-options.js'
export type { DaemonEnd } from './executive/daemon-rounds.js'
export { forEach } from './executive/for-each.js'
export type { ForEachOptions } from './executive/for-each-options.js'
export type { ForEachRun } from './executive/for-each-run.js'
export type { ItemModule, ItemOf, ValueOf } from './executive/item-module.js'
export type { ForEachSummary, ItemError, ItemResult } from './executive/item-result.js'
export type { Items, PullFunction } from './executive/items.js'
export type { BlockOptions } from './input/blocks/block-options.js'
export { type BlockSource, blocks } from './input/blocks/blocks.js'
export type { RecordOptions } from './input/blocks/borders.js'
export { type FileBlock, fileBlocks } from './input/blocks/file-blocks.js'
export type { Fsync } from './journal/append-file.js'
export { Journal, type JournalFindings, type JournalOptions } from './journal/journal.js'
export { JournalError } from './journal/journal-error.js'
export type { DamagedLine } from './journal/journal-file.js'
export { type ReadResultsOptions, readResults } from './journal/read-results.js'
export type { LauncherChoice } from './launcher/default-launcher.js'
export type * from './launcher/port.js'
export type { HostsOptions } from './launcher/ssh/hosts-options.js'
export { attemptChannel, type MessageChannel, processChannel, requestChannel, taskChannel } from './observe/channels.js'
export type { Logger } from './observe/logger.js'
export type { AttemptMessage, ProcessMessage, RequestMessage, TaskMessage, TracedError } from './observe/messages.js'
export type { Answer, Printed, RequestOptions } from './pool/answer.js'
export type { WorkerProgram } from './pool/check-pool-options.js'
export type { RemoteError } from './pool/conversation.js'
export type { Lease, LeaseRequestOptions } from './pool/lease.js'
export {
  HandlerError,
  PoolExhaustedError,
  RequestTimeoutError,
  WorkerError,
  type WorkerErrorDetails,
} from './pool/pool-errors.js'
export type { PoolOptions, PoolProtocol } from './pool/pool-options.js'
export type { LatencyStats, PoolStats } from './pool/pool-stats.js'
export { type AcquireOptions, type PoolEvents, ProcessPool, type WorkerExit } from './pool/process-pool.js'
export type { Leftovers } from './process/execution-options.js'
export type { Limits } from './process/limits.js'
export type { Cause } from './process/outcome.js'
export { type KillOptions, Process, type ProcessOptions } from './process/process.js'
export type { ExecutionSettings } from './process/process-options.js'
export type { OutputEncoding } from './process/result-of.js'
export { CommandError, type RunOptions, run } from './process/run.js'
export type { PressureKind } from './slots/admission/policies.js'
export type { JobserverMode } from './slots/jobserver/jobserver-source.js'
export type { JobserverForm } from './slots/jobserver/server-tokens.js'
export { type NamedSlotsState, readSlots, removeSlots, type SlotUser, setSlots } from './slots/named/read-slots.js'
export type { SlotOptions } from './slots/slot-sources.js'
export { ClosedError, DroverError, InputError, type InputPlace, OptionError, TemplateError } from './task/errors.js'
export {
  type Attempt,
  isConclusive,
  isFailure,
  RESULT_STATES,
  type Result,
  type ResultError,
  type ResultState,
} from './task/result.js'
export type { InvalidTask, Task, TaskStream, Text } from './task/task.js'
