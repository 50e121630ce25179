import type { Attempt, Result } from '../task/result.js'

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

const BEGINNINGS = ['{"type":"run"', '{"type":"result"', '{"type":"attempt"']

/** Whether a text is the beginning of a record, however short it is. */
export function beginsRecord(text: string): boolean {
  return BEGINNINGS.some((beginning) => text.startsWith(beginning) || beginning.startsWith(text))
}

const TYPES: ReadonlySet<unknown> = new Set(['run', 'result', 'attempt'])

/** The record of a line; null for what is none, such as a line that a power cut has damaged. */
export function parseRecord(line: Buffer): JournalRecord | null {
  // The cheap look first: a journal may have a line of megabytes that is no record.
  if (line[0] !== 0x7b || line.at(-1) !== 0x7d) return null
  try {
    const record = JSON.parse(line.toString()) as JournalRecord | null
    return TYPES.has(record?.type) && typeof record?.run === 'string' ? record : null
  } catch {
    return null
  }
}
