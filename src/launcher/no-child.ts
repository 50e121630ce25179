import type { Child, ChildEvents, StartError } from './port.js'

/** A child that was never started. */
export const NO_CHILD: Child = {
  pid: null,
  write: () => true,
  endInput() {},
  pauseOutput() {},
  resumeOutput() {},
  closeOutput() {},
  releaseOutput() {},
  unref() {},
  ref() {},
  signalTree: () => Promise.resolve(0),
  countTree: () => Promise.resolve(0),
}

/** Tells why there is none, as every start that fails does: later. */
export function failedStart(error: StartError, events: ChildEvents): Child {
  process.nextTick(() => events.onSpawnError(error))
  return NO_CHILD
}
