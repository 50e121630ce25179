import { isUtf8 } from 'node:buffer'
import type { Attempt, Result } from './result.js'
import type { Text } from './task.js'

type AnyResult = Result | Result<Buffer> | Attempt | Attempt<Buffer>

/**
 * A result, or the record of an attempt, as one line of JSON without a newline at the end. The fields come in the order
 * of the documentation; bytes in `command`, `args` and `meta` are written as `{"base64": "…"}`. Never throws: a `meta`
 * or `value` that JSON has no form for (one that contains itself) becomes null.
 */
export function resultLine(result: AnyResult): string {
  const json = resultObject(result)
  try {
    return JSON.stringify(json)
  } catch {
    return JSON.stringify({ ...json, ...('meta' in json && { meta: null }), ...('value' in json && { value: null }) })
  }
}

/** Characters of output that are made into JSON at a time. */
const PIECE_CHARACTERS = 64 * 1024

/** The line of {@link resultLine} in pieces of moderate size, so that megabytes of output are never there twice. */
export function* resultPieces(result: AnyResult): Generator<string, void> {
  const { stdout, stderr } = result
  if (!isText(stdout) || !isText(stderr)) return yield resultLine(result)
  const rest = resultLine({ ...result, stdout: '', stderr: '' })
  // Within strings a quote never stands without a backslash, so these are the fields and nothing else.
  const [stdoutAt, stderrAt] = [rest.indexOf('"stdout":"') + 10, rest.indexOf('"stderr":"') + 10]
  yield rest.slice(0, stdoutAt)
  yield* quotedPieces(stdout)
  yield rest.slice(stdoutAt, stderrAt)
  yield* quotedPieces(stderr)
  yield rest.slice(stderrAt)
}

function isText(output: string | Buffer): boolean {
  return typeof output === 'string' || isUtf8(output)
}

/** The inside of a JSON string. No character is cut in two. */
function* quotedPieces(output: string | Buffer): Generator<string, void> {
  for (let start = 0, end = 0; start < output.length; start = end) {
    end = Math.min(start + PIECE_CHARACTERS, output.length)
    while (end < output.length && isWithinCharacter(output, end)) end -= 1
    const piece = typeof output === 'string' ? output.slice(start, end) : output.toString('utf8', start, end)
    yield JSON.stringify(piece).slice(1, -1)
  }
}

/** Whether what stands there is the second half of a pair of surrogates, or a later byte of a character. */
function isWithinCharacter(output: string | Buffer, place: number): boolean {
  if (typeof output === 'string') return (output.charCodeAt(place) & 0xfc00) === 0xdc00
  return (output[place]! & 0xc0) === 0x80
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
    ...(result.value === undefined ? {} : { value: answerValue(result.value) }),
    ...(stdout.base64 === undefined ? {} : { stdoutBase64: stdout.base64 }),
    ...(stderr.base64 === undefined ? {} : { stderrBase64: stderr.base64 }),
    ...(result.stdoutFile === undefined ? {} : { stdoutFile: result.stdoutFile }),
    ...(result.stderrFile === undefined ? {} : { stderrFile: result.stderrFile }),
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

/** An answer as JSON on one line: bytes as in {@link resultLine}; null for what JSON has no form for. */
export function answerJson(value: unknown): string {
  try {
    return JSON.stringify(answerValue(value)) ?? 'null'
  } catch {
    return 'null'
  }
}

/** An answer that is bytes is text where it can be. */
function answerValue(value: unknown): unknown {
  return value instanceof Uint8Array && isUtf8(value) ? Buffer.from(value).toString() : jsonValue(value, 0)
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
