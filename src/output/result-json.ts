import { isUtf8 } from 'node:buffer'
import type { Attempt, Result } from '../task/result.js'
import type { Text } from '../task/task.js'

type AnyResult = Result | Result<Buffer> | Attempt | Attempt<Buffer>

/**
 * A result, or the record of an attempt, as one line of JSON without a newline at the end. The fields come in the order
 * of the documentation; bytes in `command`, `args` and `meta` are written as `{"base64": "…"}`. Never throws: a `meta`
 * that JSON has no form for (one that contains itself) becomes null.
 */
export function resultLine(result: AnyResult): string {
  const json = resultObject(result)
  try {
    return JSON.stringify(json)
  } catch {
    return JSON.stringify({ ...json, meta: null })
  }
}

function resultObject(result: AnyResult) {
  const stdout = outputFields(result.stdout, result.stdoutBase64)
  const stderr = outputFields(result.stderr, result.stderrBase64)
  return {
    type: result.type,
    run: result.run,
    id: result.id,
    key: result.key,
    index: result.index,
    state: result.state,
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: stdout.text,
    stderr: stderr.text,
    ...(stdout.base64 === undefined ? {} : { stdoutBase64: stdout.base64 }),
    ...(stderr.base64 === undefined ? {} : { stderrBase64: stderr.base64 }),
    stdoutBytes: result.stdoutBytes,
    stderrBytes: result.stderrBytes,
    truncated: result.truncated,
    pipeHeld: result.pipeHeld,
    leftovers: result.leftovers,
    attempt: result.attempt,
    attempts: result.attempts,
    startedAt: result.startedAt,
    durationMs: result.durationMs,
    queuedMs: result.queuedMs,
    cpuUserMs: result.cpuUserMs,
    cpuSystemMs: result.cpuSystemMs,
    maxRssBytes: result.maxRssBytes,
    pid: result.pid,
    host: result.host,
    command: result.command === null ? null : jsonText(result.command),
    args: result.args?.map(jsonText) ?? null,
    ...(result.meta === undefined ? {} : { meta: jsonValue(result.meta, 0) }),
    error: result.error === null ? null : { code: result.error.code, message: result.error.message },
  }
}

function outputFields(output: string | Buffer, base64: string | undefined): { text: string; base64?: string } {
  if (typeof output === 'string') return base64 === undefined ? { text: output } : { text: output, base64 }
  const text = output.toString()
  return isUtf8(output) ? { text } : { text, base64: output.toString('base64') }
}

function jsonText(text: Text): string | { base64: string } {
  if (typeof text === 'string') return text
  return { base64: text instanceof Uint8Array ? bytesToBase64(text) : text.base64 }
}

function bytesToBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Deeper than this it is taken for a value that contains itself, which `JSON.stringify` reports. */
const DEEPEST = 100

/** The value with its bytes as base64 and its big integers as strings. */
function jsonValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return { base64: bytesToBase64(value) }
  if (typeof value !== 'object' || value === null || depth > DEEPEST || 'toJSON' in value) return value
  if (Array.isArray(value)) return value.map((item) => jsonValue(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, jsonValue(item, depth + 1)]))
}
