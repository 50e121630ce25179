import { isUtf8 } from 'node:buffer'
import { parseTask } from '../task/schema.js'
import { invalidUtf8At } from './bytes.js'
import { type BadEntry, bad, type Entry } from './entries.js'
import { fieldProblem, type JsonProblem, placeIn, syntaxProblem } from './json-places.js'
import type { TaskIds } from './task-ids.js'

/** Where a JSON text begins. */
export interface JsonStart {
  readonly source: string
  readonly line: number
  readonly column: number
}

/** Deeper values would end the recursion of what writes results as JSON. */
const MAX_META_DEPTH = 500

/**
 * Reads one task from its JSON text.
 *
 * @param ids - where explicit ids are noted; null when they were checked before
 */
export function readJsonTask(bytes: Buffer, start: JsonStart, ids: TaskIds | null): Entry {
  if (!isUtf8(bytes)) {
    const before = bytes.subarray(0, invalidUtf8At(bytes)).toString()
    return problemAt(
      before,
      { offset: before.length, problem: 'expected UTF-8; save the file in this encoding' },
      start,
    )
  }
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return problemAt(text, syntaxProblem(text, error), start)
  }
  const parsed = parseTask(value)
  const id = 'task' in parsed ? parsed.task.id : givenId(value)
  const twice = id === undefined ? null : (ids?.note(id, start.line, start.column) ?? null)
  if (twice !== null) return problemAt(text, fieldProblem(text, { path: ['id'], problem: twice }), start)
  const named = id === undefined ? {} : { id }
  if ('problems' in parsed) return { ...problemAt(text, fieldProblem(text, parsed.problems[0]!), start), ...named }
  if (parsed.task.meta === undefined || !isDeeper(parsed.task.meta, MAX_META_DEPTH)) return parsed.task
  const problem = `expected values nested no more than ${MAX_META_DEPTH} deep`
  return { ...problemAt(text, fieldProblem(text, { path: ['meta'], problem }), start), ...named }
}

function problemAt(text: string, { offset, problem, field }: JsonProblem, start: JsonStart): BadEntry {
  const place = { source: start.source, ...placeIn(text, offset, start) }
  return bad(field === undefined ? place : { ...place, field }, problem)
}

function givenId(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, identifier } = value as Record<string, unknown>
  const given = id ?? identifier
  return typeof given === 'string' && given !== '' ? given : undefined
}

function isDeeper(value: unknown, limit: number): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
  }
  return false
}
