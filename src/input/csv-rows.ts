import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { fromByteString, type Item } from './bytes.js'
import { type BadEntry, bad, tooLong } from './entries.js'

/** Cells of one row, and the line that it begins in, from 1. */
export interface Row {
  readonly cells: readonly Item[]
  readonly line: number
}

export interface CsvRowsOptions {
  /** The file as the user named it. */
  readonly source: string
  readonly delimiter: ',' | '\t'
  readonly maxLineBytes: number
}

interface ParsedRow {
  readonly info: { readonly lines: number; readonly records: number }
  readonly record: readonly string[]
}

/** How far reading may be ahead of parsing. */
const SLACK_BYTES = 4 * 1024 * 1024

/**
 * Rows of a CSV or TSV file, blank lines left out. After a mistake in the quoting nobody knows where the next row begins,
 * so that nothing after it is read.
 */
export async function* csvRows(
  chunks: AsyncIterable<Buffer>,
  { source, delimiter, maxLineBytes }: CsvRowsOptions,
): AsyncGenerator<Row | BadEntry> {
  let failure: { records: number; entry: BadEntry } | null = null
  const fail = (line: number, records: number, problem: string) => {
    failure ??= { records, entry: bad({ source, line }, `${problem}; nothing after it can be read`) }
  }
  const parser = parse({
    // One character for each byte; the parser counts the size of a record only in strings.
    encoding: 'latin1',
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_quotes: delimiter === '\t',
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: maxLineBytes,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error === undefined) return
      const { lines, records } = error as CsvError & { lines: number; records: number }
      fail(lines, records, describe(error, maxLineBytes))
    },
  })
  async function* guarded(): AsyncGenerator<Buffer> {
    let [records, bytes] = [0, 0]
    for await (const chunk of chunks) {
      if (failure !== null) return
      bytes = parser.info.records === records ? bytes + chunk.length : chunk.length
      records = parser.info.records
      if (bytes > maxLineBytes + SLACK_BYTES) return fail(parser.info.lines, records, tooLong('the row', maxLineBytes))
      yield chunk
    }
  }
  const input = Readable.from(guarded())
  input.on('error', (error) => parser.destroy(error))
  try {
    for await (const { info, record } of input.pipe(parser) as AsyncIterable<ParsedRow>) {
      if (isAfter(failure, info.records)) break
      const newlines = record.reduce((sum, cell) => sum + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0)
      yield { cells: record.map(fromByteString), line: info.lines - newlines }
    }
  } finally {
    input.destroy()
  }
  const failed = failure as { entry: BadEntry } | null
  if (failed !== null) yield failed.entry
}

function isAfter(failure: { records: number } | null, record: number): boolean {
  return failure !== null && record > failure.records
}

function describe(error: CsvError, maxLineBytes: number): string {
  switch (error.code as string) {
    case 'CSV_MAX_RECORD_SIZE':
      return tooLong('the row', maxLineBytes)
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a cell is not closed with a double quote before the end'
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'expected the end of the cell after its closing quote; double the quotes that belong to the text'
    case 'INVALID_OPENING_QUOTE':
      return 'a cell with a double quote in it has to be in double quotes, and the quote doubled'
    default:
      return error.message
  }
}
