import { OptionError } from '../task/errors.js'
import { byteString, fromByteString, type Item, toItem } from './bytes.js'
import { type BadEntry, bad, tooLong } from './entries.js'
import { type Line, LineSplitter } from './lines.js'
import type { Source } from './source.js'

/** One item from a file or stream and the number of its line, or of the item where the delimiter is another one. */
export interface NumberedItem {
  readonly item: Item
  readonly number: number
}

/** Items of a file or stream, those of each chunk together: what stands between delimiters, bytes as they were. */
export async function* readItems(
  source: Source,
  delimiter: Buffer,
  maxLineBytes: number,
): AsyncGenerator<Iterable<NumberedItem | BadEntry>> {
  const splitter = new LineSplitter(delimiter, maxLineBytes)
  function* items(lines: Iterable<Line>): Generator<NumberedItem | BadEntry> {
    for (const { bytes, number } of lines) {
      const problem = problemOf(bytes, delimiter, maxLineBytes)
      if (bytes !== null && problem === null) yield { item: toItem(bytes), number }
      else yield bad(itemPlace(source.name, delimiter, number), problem ?? '')
    }
  }
  for await (const chunk of source.chunks()) yield items(splitter.push(chunk))
  yield items(splitter.end())
}

/** Counts what {@link readItems} will give, before that is used. */
export class ItemCount {
  readonly #splitter: LineSplitter
  readonly #isItem: (bytes: Buffer) => boolean
  readonly #delimiter: Buffer
  readonly #maxLineBytes: number
  #items = 0
  #bad = 0
  #isWhole = false

  /** @param isItem - whether this is one, rather than nothing. */
  constructor(delimiter: Buffer, maxLineBytes: number, isItem: (bytes: Buffer) => boolean) {
    this.#splitter = new LineSplitter(delimiter, maxLineBytes)
    this.#isItem = isItem
    this.#delimiter = delimiter
    this.#maxLineBytes = maxLineBytes
  }

  push(chunk: Buffer): void {
    this.#count(this.#splitter.push(chunk))
  }

  end(): void {
    this.#count(this.#splitter.end())
    this.#isWhole = true
  }

  /** Null before the end. */
  get whole(): { readonly items: number; readonly bad: number } | null {
    return this.#isWhole ? { items: this.#items, bad: this.#bad } : null
  }

  #count(lines: Iterable<Line>): void {
    for (const { bytes } of lines) {
      if (bytes === null || problemOf(bytes, this.#delimiter, this.#maxLineBytes) !== null) this.#bad += 1
      else if (this.#isItem(bytes)) this.#items += 1
    }
  }
}

function problemOf(bytes: Buffer | null, delimiter: Buffer, maxLineBytes: number): string | null {
  if (bytes === null) return tooLong(isNewline(delimiter) ? 'the line' : 'the item', maxLineBytes)
  if (!bytes.includes(0)) return null
  return 'there is a NUL byte in it, which no argument can have; for items that end in NUL use -0'
}

/** The place of an item for messages: its line, or which item it is where lines don't count. */
export function itemPlace(source: string, delimiter: Buffer, number: number) {
  return isNewline(delimiter) ? { source, line: number } : { source: `${source}, item ${number}` }
}

function isNewline(delimiter: Buffer): boolean {
  return delimiter.length === 1 && delimiter[0] === 0x0a
}

/** Cuts items into columns. */
export type ColumnSplitter = (item: Item) => Item[]

/**
 * Columns by a regular expression; what groups in it capture becomes columns too, as in GNU parallel. Without one,
 * the item is the only column.
 *
 * @throws OptionError where it is no regular expression
 */
export function columnSplitter(separator: string | undefined): ColumnSplitter {
  if (separator === undefined) return (item) => [item]
  if (separator === '')
    throw new OptionError('--colsep needs a separator; give a regular expression such as "\\t" or ","')
  const pattern = compile(separator)
  let bytePattern: RegExp | null = null
  return (item) => {
    if (typeof item === 'string') return item.split(pattern).map((column) => column ?? '')
    bytePattern ??= compile(byteString(separator))
    return byteString(item)
      .split(bytePattern)
      .map((column) => fromByteString(column ?? ''))
  }
}

function compile(separator: string): RegExp {
  try {
    return new RegExp(separator)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : error
    throw new OptionError(
      `--colsep is not a valid regular expression: ${reason}; put a backslash before characters that stand for themselves`,
    )
  }
}
