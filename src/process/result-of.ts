import { hostname } from 'node:os'
import type { Result, ResultError, ResultState } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { Outcome } from './outcome.js'
import type { OutputCapture } from './output-capture.js'

/** How captured output is given: as text, or as bytes. */
export type OutputEncoding = 'utf8' | 'buffer'

/** What a result says beside the outcome: whose it is. */
export interface ResultIdentity {
  readonly run: string
  readonly index: number
  readonly key: string | null
  readonly attempt: number
  readonly attempts: number
  readonly queuedMs: number
}

let cachedHost: string | null = null
function thisHost(): string {
  cachedHost ??= hostname()
  return cachedHost
}

/** The result of a task from what became of it. */
export function resultOf(task: Task, identity: ResultIdentity, outcome: Outcome, encoding: OutputEncoding): Result {
  const { exit, stdout, stderr } = outcome
  const [out, err] = [outputText(stdout, encoding), outputText(stderr, encoding)]
  const result: Result = {
    type: 'result',
    run: identity.run,
    id: task.id ?? null,
    key: identity.key,
    index: identity.index,
    state: outcome.state,
    exitCode: exit?.exitCode ?? null,
    signal: exit?.signal ?? null,
    stdout: out.text as string,
    stderr: err.text as string,
    ...(out.base64 === undefined ? null : { stdoutBase64: out.base64 }),
    ...(err.base64 === undefined ? null : { stderrBase64: err.base64 }),
    ...(outcome.files.stdout === null ? null : { stdoutFile: outcome.files.stdout }),
    ...(outcome.files.stderr === null ? null : { stderrFile: outcome.files.stderr }),
    stdoutBytes: stdout.total,
    stderrBytes: stderr.total,
    truncated: stdout.truncated || stderr.truncated,
    pipeHeld: outcome.pipeHeld,
    leftovers: outcome.leftovers,
    attempt: identity.attempt,
    attempts: identity.attempts,
    startedAt: outcome.startedAt.toISOString(),
    durationMs: toMicroseconds(outcome.durationMs),
    queuedMs: toMicroseconds(identity.queuedMs),
    cpuUserMs: exit?.cpuUserMs ?? null,
    cpuSystemMs: exit?.cpuSystemMs ?? null,
    maxRssBytes: exit?.maxRssBytes ?? null,
    pid: outcome.pid,
    host: outcome.host ?? thisHost(),
    command: task.command,
    args: task.args ?? null,
    ...(task.meta === undefined ? null : { meta: task.meta }),
    error: outcome.error,
  }
  return result
}

/** The clock tells no more than this. */
export function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}

/** The result of a task that was never started. */
export function resultWithoutStart(
  task: Partial<Task>,
  identity: ResultIdentity,
  state: ResultState,
  error: ResultError | null,
  encoding: OutputEncoding,
): Result {
  const nothing = encoding === 'buffer' ? (Buffer.alloc(0) as unknown as string) : ''
  return {
    type: 'result',
    run: identity.run,
    id: task.id ?? null,
    key: identity.key,
    index: identity.index,
    state,
    exitCode: null,
    signal: null,
    stdout: nothing,
    stderr: nothing,
    stdoutBytes: 0,
    stderrBytes: 0,
    truncated: false,
    pipeHeld: false,
    leftovers: 0,
    attempt: identity.attempt,
    attempts: identity.attempts,
    startedAt: null,
    durationMs: 0,
    queuedMs: toMicroseconds(identity.queuedMs),
    cpuUserMs: null,
    cpuSystemMs: null,
    maxRssBytes: null,
    pid: null,
    host: thisHost(),
    command: task.command || null,
    args: task.args ?? null,
    ...(task.meta === undefined ? null : { meta: task.meta }),
    error,
  }
}

function outputText(capture: OutputCapture, encoding: OutputEncoding): { text: string | Buffer; base64?: string } {
  if (encoding === 'buffer') return { text: capture.bytes() }
  const text = capture.text()
  capture.release()
  return text
}
