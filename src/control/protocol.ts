import type { Progress } from '../dispatch/progress.js'
import type { LiveTask } from '../dispatch/steering.js'
import type { OutputStream } from '../launcher/port.js'
import type { ResultState } from '../task/result.js'

/**
 * How a run and whoever steers it talk: one line of JSON from the client, lines of JSON back, and the end of the connection.
 *
 *   {"version":1,"command":"status","tasks":true}   ──►
 *                                                   ◄──  {"ok":{…}}                     or {"error":{"code":…,"message":…}}
 *
 *   {"version":1,"command":"tail","task":"3"}       ──►
 *                                                   ◄──  {"ok":{…}}
 *                                                   ◄──  {"stream":"stdout","base64":"…"}   as it comes
 *                                                   ◄──  {"dropped":4096}               bytes that the client was too slow for
 *                                                   ◄──  {"end":"succeeded"}
 */
export const CONTROL_VERSION = 1

/** The longest line that a client may send. */
export const MOST_REQUEST_BYTES = 64 * 1024

export type ControlRequest =
  | { readonly command: 'status'; readonly tasks?: boolean }
  | { readonly command: 'cancel'; readonly task?: string }
  | { readonly command: 'pause' | 'resume' }
  | { readonly command: 'jobs'; readonly jobs: number }
  | { readonly command: 'tail'; readonly task: string }

/** How something that goes on stands at this moment. */
export interface LiveRun {
  /** The run's id. */
  readonly run: string
  /** `run`, `pool`, `for-each`, `daemon`. */
  readonly kind: string
  /** Of the process that it goes on in. */
  readonly pid: number
  /** The working directory of that process. */
  readonly cwd: string
  /** The program and its arguments, as it was called. */
  readonly command: readonly string[]
  /** ISO 8601 in UTC. */
  readonly startedAt: string
  /** Whether nothing is started at the moment because it was paused. */
  readonly paused: boolean
  /** How many at once; null is as many as possible. */
  readonly jobs: number | null
  /** How far it is. */
  readonly progress: Progress
  /** Those that run, and those that wait for another attempt; only when they were asked for, and where they are known. */
  readonly tasks?: readonly LiveTask[]
}

/** What `tail` is answered by. */
export interface TailBegin {
  readonly task: LiveTask
  /** How much of the beginning is not kept any more. */
  readonly droppedBytes: number
}

export type TailLine =
  | { readonly stream: OutputStream; readonly base64: string }
  | { readonly dropped: number }
  | { readonly end: ResultState | 'gone' }
