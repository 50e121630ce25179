import { TemplateError } from '../task/errors.js'
import { byteString, fromByteString, type Item } from './bytes.js'
import { formOf } from './item-forms.js'
import { type Columns, type Hole, hasItems, linePieces, type Piece, wordPieces } from './pieces.js'
import { quoteFor } from './quoting.js'

/** What a template gives: a line for the shell, or a program and its arguments. */
export interface Filled {
  readonly command: Item
  readonly args?: readonly Item[]
  /** Files that go with it to another machine, and those that come back; absent where none were asked for. */
  readonly transfer?: readonly Item[]
  readonly return?: readonly Item[]
}

/** Names of files with places for items, see {@link Filled}. */
export interface FileWords {
  readonly transfer: readonly Item[]
  readonly return: readonly Item[]
}

type Words = readonly (readonly Piece[])[]
const FILES = ['transfer', 'return'] as const

/**
 * A command with places for items, read once and filled in for each task.
 *
 * One word is a line for /bin/sh, where each item is quoted for its place; several words are a program and its
 * arguments. It is filled as text where all is text, else as strings of one character for each byte.
 *
 * @throws TemplateError where an item cannot be filled in safely, or a column cannot exist
 */
export class Template {
  readonly #isLine: boolean
  readonly #isText: boolean
  readonly #words: readonly (readonly Piece[])[]
  #byteWords: readonly (readonly Piece[])[] | null = null
  readonly #files: Readonly<Record<'transfer' | 'return', Words>>

  constructor(words: readonly Item[], asLine: boolean, columns: Columns, files: FileWords = NO_FILES) {
    this.#isText = [...words, ...files.transfer, ...files.return].every((word) => typeof word === 'string')
    const names = this.#isText ? columns.names : namesInBytes(columns.names)
    const given: Columns = { ...columns, names, replace: this.#isText ? columns.replace : byteString(columns.replace) }
    const texts = this.#isText ? (words as string[]) : words.map(byteString)
    const append = !hasItems(texts, given)
    const piecesOf = (names: readonly Item[]) =>
      names.map((name) => wordPieces(this.#isText ? (name as string) : byteString(name), given))
    this.#files = { transfer: piecesOf(files.transfer), return: piecesOf(files.return) }
    this.#isLine = asLine || words.length === 1
    if (this.#isLine) {
      this.#words = [linePieces(texts.join(' '), append, given)]
      return
    }
    if (words[0]?.length === 0) throw new TemplateError('the first word of the command, the program, is empty')
    const pieces = texts.map((word) => wordPieces(word, given))
    if (append) pieces.push([{ kind: 'item', column: null, form: '', quote: 'none', several: true }])
    this.#words = pieces
  }

  get #all(): Words {
    return [...this.#words, ...this.#files.transfer, ...this.#files.return]
  }

  /** Whether `{%}` occurs. */
  get usesSlot(): boolean {
    return this.#all.some((word) => word.some((piece) => typeof piece !== 'string' && piece.kind === 'slot'))
  }

  /** The number of columns that an item must have. */
  get columnsNeeded(): number {
    const columns = this.#all.flat().map((piece) => (isHole(piece) ? Math.abs(piece.column ?? 0) : 0))
    return columns.reduce((most, column) => Math.max(most, column), 0)
  }

  /**
   * @param number - of the task, from 1
   * @param slot - from 1; where it is null, `{%}` stays as it is
   */
  fill(columns: readonly Item[], number: number, slot: number | null): Filled {
    const values = { number: String(number), slot: slot === null ? '{%}' : String(slot) }
    if (this.#isText && columns.every((column) => typeof column === 'string')) {
      const texts = columns as string[]
      const files = this.#fillFiles((names) => this.#fillWords(names, texts, values, false))
      return { ...this.#result(this.#fillWords(this.#words, texts, values, this.#isLine)), ...files }
    }
    this.#byteWords ??= this.#isText ? this.#words.map((word) => word.map(pieceInBytes)) : this.#words
    const bytes = columns.map(byteString)
    const inBytes = (words: Words) => (this.#isText ? words.map((word) => word.map(pieceInBytes)) : words)
    const files = this.#fillFiles((names) => this.#fillWords(inBytes(names), bytes, values, false).map(fromByteString))
    const words = this.#fillWords(this.#byteWords, bytes, values, this.#isLine)
    return { ...this.#result(words.map(fromByteString)), ...files }
  }

  #fillFiles(fill: (names: Words) => readonly Item[]): Pick<Filled, 'transfer' | 'return'> {
    const given = FILES.filter((what) => this.#files[what].length > 0)
    return Object.fromEntries(given.map((what) => [what, fill(this.#files[what])]))
  }

  #fillWords(templates: Words, columns: readonly string[], values: Values, isLine: boolean): string[] {
    const words: string[] = []
    for (const pieces of templates) {
      const only = pieces.length === 1 ? pieces[0]! : ''
      if (!isLine && isHole(only) && only.several && only.column === null) {
        for (const column of columns) words.push(formOf(column, only.form))
      } else words.push(fillPieces(pieces, columns, values))
    }
    return words
  }

  #result(words: readonly Item[]): Filled {
    return this.#isLine ? { command: words[0]! } : { command: words[0] ?? '', args: words.slice(1) }
  }
}

const NO_FILES: FileWords = { transfer: [], return: [] }

interface Values {
  readonly number: string
  readonly slot: string
}

function fillPieces(pieces: readonly Piece[], columns: readonly string[], values: Values): string {
  let text = ''
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece
    else if (piece.kind === 'item') text += fillHole(piece, columns)
    else text += values[piece.kind]
  }
  return text
}

function fillHole({ column, form, quote, several }: Hole, columns: readonly string[]): string {
  if (column !== null) return quoteFor(quote, formOf(columns.at(column > 0 ? column - 1 : column) ?? '', form))
  if (columns.length === 1) return quoteFor(quote, formOf(columns[0]!, form))
  const items = columns.map((item) => formOf(item, form))
  return several ? items.map((item) => quoteFor(quote, item)).join(' ') : quoteFor(quote, items.join(' '))
}

function isHole(piece: Piece): piece is Hole {
  return typeof piece !== 'string' && piece.kind === 'item'
}

function pieceInBytes(piece: Piece): Piece {
  return typeof piece === 'string' ? byteString(piece) : piece
}

function namesInBytes(names: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...names].map(([name, column]) => [byteString(name), column]))
}
