import { checkOneOf } from '../process/process-options.js'
import { type AdmissionOptions, admissionSource } from './admission/admission.js'
import { type JobserverMode, jobserverSource } from './jobserver/jobserver-source.js'
import type { JobserverForm } from './jobserver/server-tokens.js'
import { namedSlotsSource } from './named/named-slots.js'
import { checkSlotName } from './named/slot-folder.js'
import type { SlotSourceMaker } from './slot-source.js'

/** What has to agree to each start besides a limit of one's own. All of it is optional. */
export interface SlotOptions extends AdmissionOptions {
  /**
   * The name of slots that are shared with every other run and pool of this user that gives it; a task takes as many as it weighs, a worker
   * one. Needs the native launcher. Default: none are.
   */
  readonly slots?: string | undefined
  /**
   * Whether slots come from a jobserver, as GNU make and cargo have them, or whether this is one for what it starts. See
   * {@link JobserverMode}. Needs the native launcher; `auto` is `off` without it. Default: `off`.
   */
  readonly jobserver?: JobserverMode | undefined
  /** How what is started is told of it, where this is the server. Default: `pipe`. */
  readonly jobserverForm?: JobserverForm | undefined
}

/** The names of all of them. */
export const SLOT_OPTIONS: readonly (keyof SlotOptions)[] = [
  'maxLoad',
  'minFreeBytes',
  'maxPressure',
  'slots',
  'jobserver',
  'jobserverForm',
]

/** @throws OptionError that names the option and what was expected. */
export function slotSourcesOf(options: SlotOptions): SlotSourceMaker[] {
  const { slots, jobserver, jobserverForm } = options
  const admission = admissionSource(options)
  const others = [
    ...(admission === null ? [] : [admission]),
    ...(slots === undefined ? [] : [namedSlotsSource(checkSlotName(slots))]),
  ]
  const form = checkOneOf('jobserverForm', jobserverForm ?? 'pipe', ['pipe', 'fifo'])
  if (jobserver === undefined) return others
  return [...others, jobserverSource(checkOneOf('jobserver', jobserver, ['auto', 'server', 'client', 'off']), form)]
}
