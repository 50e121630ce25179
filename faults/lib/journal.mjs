import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import { nameOf } from './tasks.mjs'

const CONCLUSIVE = new Set(['succeeded', 'failed', 'timed-out', 'killed', 'spawn-failed'])
const FAILING = new Set(['failed', 'timed-out', 'killed', 'spawn-failed', 'lost', 'invalid'])

/** @param {string | undefined} state */
export function isConclusive(state) {
  return state !== undefined && CONCLUSIVE.has(state)
}

/**
 * Reads a journal without any of drover's code.
 *
 * @param {string} file
 * @returns {import('./types.d.ts').JournalState}
 */
export function readJournal(file) {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
  const end = bytes.lastIndexOf(10) + 1
  const lines = end === 0 ? [] : linesOf(bytes.subarray(0, end - 1))
  const records = lines.map(recordOf).filter((record) => record !== null)
  const newest = new Map(records.filter(({ type }) => type === 'result').map(({ name, state }) => [name, state]))
  return { records, damaged: lines.length - records.length, tail: bytes.length - end, newest }
}

/**
 * What is no UTF-8 is no record; decoding would make it look like one.
 *
 * @param {Buffer} bytes
 */
function linesOf(bytes) {
  /** @type {string[]} */
  const lines = []
  for (let start = 0; start <= bytes.length; ) {
    const newline = bytes.indexOf(10, start)
    const line = bytes.subarray(start, newline === -1 ? bytes.length : newline)
    lines.push(isUtf8(line) ? line.toString() : '')
    start += line.length + 1
  }
  return lines
}

/** @param {import('./types.d.ts').JournalState} journal @returns {Set<string>} The tasks that need not run again. */
export function doneIn({ newest }) {
  return new Set([...newest].filter(([, state]) => isConclusive(state)).map(([name]) => name))
}

/**
 * The exit status that results make.
 *
 * @param {readonly import('./types.d.ts').JournalRecord[]} records
 */
export function statusOf(records) {
  return Math.min(records.filter(({ type, state }) => type === 'result' && FAILING.has(state)).length, 101)
}

/** @param {string} line @returns {import('./types.d.ts').JournalRecord | null} */
export function recordOf(line) {
  try {
    const record = JSON.parse(line)
    const { type, run, key, state, durationMs, queuedMs } = record
    return typeof run === 'string' ? { type, run, key, state, durationMs, queuedMs, name: nameOf(record) } : null
  } catch {
    return null
  }
}
