import { bad, type Entries, type Entry, tooLong } from './entries.js'
import { ArrayScanner, type Element } from './json-array.js'
import { readJsonTask } from './json-task.js'
import { type Line, LineSplitter } from './lines.js'
import type { TaskIds } from './task-ids.js'

export interface JsonTasksOptions {
  /** The file as the user named it, or `stdin`. */
  readonly source: string
  readonly maxLineBytes: number
  /** Where explicit ids are noted; null when they were checked before. */
  readonly ids: TaskIds | null
}

const OPEN_BRACKET = 0x5b

/** Tasks from JSON: an array where the first character that is no space is `[`, else one task on each line. */
export async function* jsonTasks(chunks: AsyncIterable<Buffer>, options: JsonTasksOptions): Entries {
  const before = { line: 1, column: 1 }
  let reader: Reader | null = null
  for await (const chunk of chunks) {
    const start: number = reader === null ? afterSpace(chunk, before) : 0
    if (start === chunk.length) continue
    reader ??=
      chunk[start] === OPEN_BRACKET
        ? new ArrayReader(options, before.line, before.column)
        : new LineReader(options, before.line, before.column)
    yield reader.push(chunk.subarray(start))
    if (reader.broken) return
  }
  if (reader !== null) yield reader.end()
}

interface Reader {
  readonly broken: boolean
  push(chunk: Buffer): Iterable<Entry>
  end(): Iterable<Entry>
}

class ArrayReader implements Reader {
  readonly #options: JsonTasksOptions
  readonly #scanner: ArrayScanner

  constructor(options: JsonTasksOptions, line: number, column: number) {
    this.#options = options
    this.#scanner = new ArrayScanner(options.maxLineBytes, line, column)
  }

  get broken(): boolean {
    return this.#scanner.broken
  }

  *push(chunk: Buffer): Generator<Entry> {
    for (const element of this.#scanner.push(chunk)) yield this.#read(element)
  }

  *end(): Generator<Entry> {
    for (const element of this.#scanner.end()) yield this.#read(element)
  }

  #read({ line, column, bytes, problem }: Element): Entry {
    const { source, maxLineBytes, ids } = this.#options
    if (bytes !== null) return readJsonTask(bytes, { source, line, column }, ids)
    const inWords = problem === 'too long' ? tooLong('the task', maxLineBytes) : (problem ?? '')
    return bad({ source, line, column }, inWords)
  }
}

class LineReader implements Reader {
  readonly broken = false
  readonly #options: JsonTasksOptions
  readonly #splitter: LineSplitter
  #column: number

  constructor(options: JsonTasksOptions, line: number, column: number) {
    this.#options = options
    this.#splitter = new LineSplitter(Buffer.from('\n'), options.maxLineBytes, line)
    this.#column = column
  }

  *push(chunk: Buffer): Generator<Entry> {
    for (const line of this.#splitter.push(chunk)) yield* this.#read(line)
  }

  *end(): Generator<Entry> {
    for (const line of this.#splitter.end()) yield* this.#read(line)
  }

  *#read({ bytes, number }: Line): Generator<Entry> {
    const { source, maxLineBytes, ids } = this.#options
    const column = this.#column
    this.#column = 1
    if (bytes === null) yield bad({ source, line: number }, tooLong('the line', maxLineBytes))
    else if (afterSpace(bytes) < bytes.length) yield readJsonTask(bytes, { source, line: number, column }, ids)
  }
}

/** Where the first character is that is no space; `place` goes along. */
function afterSpace(chunk: Buffer, place = { line: 1, column: 1 }): number {
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at]!
    if (byte === 0x0a) {
      place.line += 1
      place.column = 1
    } else if (byte === 0x20 || byte === 0x09 || byte === 0x0d) place.column += 1
    else return at
  }
  return chunk.length
}
