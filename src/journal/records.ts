import { isUtf8 } from 'node:buffer'
import { type Attempt, RESULT_STATES, type Result } from '../task/result.js'

/** The form of the records that this release writes; a higher one in a file is refused. */
export const FORMAT_VERSION = 1

/** The head of a run in a journal. */
export interface RunRecord {
  readonly type: 'run'
  readonly version: number
  readonly run: string
  /** ISO 8601 in UTC. */
  readonly startedAt: string
  readonly pid: number
  readonly host: string
  readonly cwd: string
  /** What was run, as the words of a command line; empty where a program used the library. */
  readonly command: readonly string[]
}

export type JournalRecord = RunRecord | Result | Attempt

/** How the lines of a journal begin. */
export const BEGINNINGS: readonly string[] = ['{"type":"run"', '{"type":"result"', '{"type":"attempt"']

/** Whether a text is the beginning of a record, however short it is. */
export function beginsRecord(text: string): boolean {
  return BEGINNINGS.some((beginning) => text.startsWith(beginning) || beginning.startsWith(text))
}

const TYPES: ReadonlySet<unknown> = new Set(['run', 'result', 'attempt'])
const STATES: ReadonlySet<unknown> = new Set(RESULT_STATES)
const KEY = /^[0-9a-f]{32}(-\d+)?$/

/** The record of a line; null for what is none, such as a line that a power cut or an editor has damaged. */
export function parseRecord(line: Buffer): JournalRecord | null {
  // The cheap look first: a journal may have a line of megabytes that is no record.
  if (line[0] !== 0x7b || line.at(-1) !== 0x7d) return null
  // A block of a flash memory that was never written may hide within a string, and the border of two records with it.
  if (!isUtf8(line)) return null
  try {
    const record = JSON.parse(line.toString()) as JournalRecord | null
    if (!TYPES.has(record?.type) || typeof record?.run !== 'string') return null
    return record.type === 'run' || saysWhatBecameOfWhat(record) ? record : null
  } catch {
    return null
  }
}

/** What resuming goes by must be there; all else is for people to read. */
function saysWhatBecameOfWhat({ id, key, state }: Result | Attempt): boolean {
  return (id === null || typeof id === 'string') && (key === null || KEY.test(key)) && STATES.has(state)
}
