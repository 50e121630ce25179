import { InputError } from '../task/errors.js'
import { parseTask } from '../task/schema.js'
import { displayText } from '../task/task.js'
import type { Item } from './bytes.js'
import { type CsvRowsOptions, csvRows, type Row } from './csv-rows.js'
import { type BadEntry, bad, type Entries, type Entry, isBad } from './entries.js'
import type { TaskIds } from './task-ids.js'
import { TaskMaker } from './task-maker.js'
import type { Template } from './template.js'

export interface CsvTasksOptions extends CsvRowsOptions {
  /** Where explicit ids are noted; null when they were checked before. */
  readonly ids: TaskIds | null
  /** Makes the template once the columns are known; null where the rows are tasks themselves. */
  readonly compile: ((names: ReadonlyMap<string, number>, count: number) => Template) | null
}

type RowReader = (row: Row) => Entry

const FIELDS = ['id', 'command', 'cwd', 'stdin', 'stdinFile', 'timeoutMs', 'retries', 'weight', 'priority']
const ALIASES = new Map([
  ['cmd', 'command'],
  ['identifier', 'id'],
])
const NUMBERS = new Set(['timeoutMs', 'retries', 'weight', 'priority'])
const MAY_BE_BYTES = new Set(['command', 'stdin'])

/**
 * Tasks from rows; the first row holds the names of the columns.
 *
 * @throws InputError and TemplateError for a first row that cannot be used
 */
export async function* csvTasks(chunks: AsyncIterable<Buffer>, options: CsvTasksOptions): Entries {
  let columns = 0
  let maker: TaskMaker | null = null
  let read: RowReader | null = null
  for await (const row of csvRows(chunks, options)) {
    if (isBad(row)) {
      if (read === null) throw row.error
      yield [row]
    } else if (read === null) {
      const names = row.cells.map(displayText)
      columns = names.length
      const positions = positionsOf(names, row.line, options.source)
      maker = options.compile === null ? null : new TaskMaker(options.compile(positions, columns))
      read = maker === null ? fieldReader(names, row.line, options) : commandReader(maker, options.source)
    } else if (row.cells.length === columns) yield [read(row)]
    else {
      const problem = `expected as many cells as the first row has, ${columns}, not ${row.cells.length}`
      const entry = bad({ source: options.source, line: row.line }, problem)
      yield [maker?.skip(entry) ?? entry]
    }
  }
}

function positionsOf(names: readonly string[], line: number, source: string): Map<string, number> {
  const positions = new Map<string, number>()
  names.forEach((name, place) => {
    if (name === '') return
    if (positions.has(name)) throw new InputError({ source, line, field: name }, 'two columns have this name')
    positions.set(name, place + 1)
  })
  return positions
}

function commandReader(maker: TaskMaker, source: string): RowReader {
  return ({ cells, line }) => maker.make(cells, { source, line })
}

function fieldReader(names: readonly string[], line: number, { source, ids }: CsvTasksOptions): RowReader {
  const fields = names.map((name) => ALIASES.get(name) ?? name)
  fields.forEach((field, place) => {
    const at = { source, line, field: names[place]! }
    if (!FIELDS.includes(field))
      throw new InputError(at, `unknown column; known are ${FIELDS.join(', ')}. Or give a COMMAND with {name} in it`)
    if (fields.indexOf(field) !== place) throw new InputError(at, `two columns stand for ${field}`)
  })
  if (!fields.includes('command'))
    throw new InputError({ source, line }, 'expected a column "command", or a COMMAND that the rows are filled into')
  return (row) => readFields(row, names, fields, source, ids)
}

function readFields(
  { cells, line }: Row,
  names: readonly string[],
  fields: readonly string[],
  source: string,
  ids: TaskIds | null,
): Entry {
  const problemIn = (field: string, problem: string): BadEntry => {
    return bad({ source, line, field: names[fields.indexOf(field)] ?? field }, problem)
  }
  const given: Record<string, unknown> = {}
  for (const [place, field] of fields.entries()) {
    const cell = cells[place]!
    if (cell.length === 0) continue
    if (typeof cell !== 'string' && !MAY_BE_BYTES.has(field)) return problemIn(field, 'expected UTF-8')
    given[field] = fieldValue(cell, field)
  }
  const parsed = parseTask(given)
  if ('problems' in parsed) {
    const { path, problem } = parsed.problems[0]!
    const named = typeof given.id === 'string' ? { id: given.id } : {}
    return { ...problemIn(String(path[0] ?? ''), problem), ...named }
  }
  const twice = parsed.task.id === undefined ? null : (ids?.note(parsed.task.id, line, 1) ?? null)
  return twice === null ? parsed.task : problemIn('id', twice)
}

function fieldValue(cell: Item, field: string): unknown {
  if (typeof cell !== 'string') return { base64: cell.toString('base64') }
  return NUMBERS.has(field) && /^ *-?\d+(?:\.\d+)? *$/.test(cell) ? Number(cell) : cell
}
