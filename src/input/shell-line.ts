import { readDollar } from './shell-dollar.js'
import { afterGlobClass, afterHereDelimiter } from './shell-skips.js'
import { CommandWords } from './shell-words.js'

/** Stands for a placeholder in a line that is scanned. No shell line can hold this character. */
export const HOLE = '\0'

/** Where a placeholder stands in a shell line. */
export interface Place {
  readonly quote: 'bare' | 'double' | 'single'
  /** Whether it is a word by itself, where several words may stand as well. */
  readonly several: boolean
  /** Why arguments cannot be appended at this place, or null. */
  readonly noArgument: string | null
}

/** Says that the placeholder with this number (from 0) cannot be filled in safely. Must throw. */
export type Refuse = (hole: number, why: string) => never

/**
 * Finds the places of all placeholders in a line for /bin/sh, each marked by one {@link HOLE}.
 *
 * It reads as dash and bash do, left to right, and where they may differ, or it can't follow, it refuses each
 * placeholder that comes later. Bare parentheses need no counting: within and after `$(…)` and `(…)` a place is bare.
 */
export function findPlaces(line: string, refuse: Refuse): Place[] {
  return new Scanner(line, refuse).scan()
}

class Scanner {
  readonly #line: string
  readonly #refuse: Refuse
  readonly #words: CommandWords
  readonly #places: Place[] = []
  #at = 0
  #stopped = false
  #hereDocument = false
  #parentheses = false

  constructor(line: string, refuse: Refuse) {
    this.#line = line
    this.#refuse = refuse
    this.#words = new CommandWords(line, refuse)
  }

  scan(): Place[] {
    while (this.#at < this.#line.length) this.#bare(this.#line[this.#at]!)
    this.#words.end(this.#at)
    if (this.#line.split(HOLE).length - 1 !== this.#places.length)
      this.#refuse(this.#places.length, 'stands where its place cannot be told')
    return this.#places
  }

  #bare(character: string): void {
    const words = this.#words
    switch (character) {
      case HOLE:
        words.begin(this.#at)
        return this.#hole('bare')
      case '\\':
        return this.#backslash()
      case "'":
        return this.#singleQuotes()
      case '"':
        return this.#doubleQuotes()
      case '`':
        return this.#backticks()
      case '$':
        return this.#dollar(false)
      case '#':
        return this.#hash()
      case '[':
        return this.#bracket()
      case '(':
        return this.#open()
      case '<':
      case '>':
        return this.#redirect()
      case ' ':
      case '\t':
        words.end(this.#at)
        break
      case ')':
        words.end(this.#at)
        words.close()
        break
      case '\n':
      case ';':
      case '&':
      case '|':
        words.end(this.#at)
        words.separate()
        if (character === '\n') this.#newline()
        break
      default:
        words.begin(this.#at)
    }
    this.#at += 1
  }

  #hole(quote: Place['quote']): void {
    const hole = this.#places.length
    const why = this.#words.place(this.#at, hole)
    if (why !== null) this.#refuse(hole, why)
    const whole = quote === 'bare' && this.#words.wordStart === this.#at && /^[ \t\n;&|)<>]?$/.test(this.#peek(1))
    this.#places.push({
      quote,
      several: whole && this.#words.takesSeveral,
      noArgument: this.#noArgument(whole),
    })
    this.#at += 1
  }

  #noArgument(whole: boolean): string | null {
    if (!whole) return 'a word is not finished there'
    return this.#hereDocument ? 'a here-document begins there' : this.#words.noArgument
  }

  #backslash(): void {
    const next = this.#peek(1)
    if (next === HOLE) this.#refuse(this.#places.length, 'stands directly after a backslash; take the backslash away')
    if (next !== '\n') this.#words.begin(this.#at)
    else if (!/^[ \t\n]?$/.test(this.#peek(-1)) || this.#peek(2) === '#' || this.#hereDocument)
      return this.#block(
        'comes after a line that a backslash continues within a word; put a space before the backslash',
      )
    this.#at += 2
  }

  #singleQuotes(): void {
    this.#words.begin(this.#at)
    const end = this.#line.indexOf("'", this.#at + 1)
    if (end < 0) this.#unclosed("'")
    for (this.#at += 1; this.#at < end; ) {
      if (this.#line[this.#at] === HOLE) this.#hole('single')
      else this.#inQuotes()
    }
    this.#at += 1
  }

  #doubleQuotes(): void {
    this.#words.begin(this.#at)
    this.#at += 1
    while (!this.#stopped && this.#line[this.#at] !== '"') {
      const character = this.#line[this.#at]
      if (character === undefined) this.#unclosed('"')
      else if (character === HOLE) this.#hole('double')
      else if (character === '`') this.#backticks()
      else if (character === '$') this.#dollar(true)
      else if (character === '\\') {
        if (this.#peek(1) === HOLE)
          this.#refuse(this.#places.length, 'stands directly after a backslash; take the backslash away')
        this.#at += 1
        this.#inQuotes()
      } else this.#inQuotes()
    }
    this.#at += 1
  }

  #inQuotes(): void {
    if (this.#peek(0) === '\n') this.#newline()
    this.#at += 1
  }

  #backticks(): void {
    this.#words.begin(this.#at)
    const end = this.#line.indexOf('`', this.#at + 1)
    if (end < 0) this.#unclosed('`')
    const inside = this.#line.slice(this.#at, end)
    if (inside.includes(HOLE))
      this.#refuse(this.#places.length, 'stands within backticks; use $(…) outside of double quotes')
    if (inside.includes('\\') || this.#hereDocument) return this.#block('comes after backticks with a backslash within')
    this.#at = end + 1
  }

  #dollar(quoted: boolean): void {
    this.#words.begin(this.#at)
    const dollar = readDollar(this.#peek(1), this.#peek(2), quoted)
    if (dollar.kind === 'refused') this.#refuse(this.#places.length, dollar.why)
    else if (dollar.kind === 'unclear') this.#block(dollar.why)
    else if (dollar.kind === 'skipped') this.#skip(dollar.after, dollar.why)
    else {
      this.#at += dollar.length
      if (dollar.kind === 'text') return
      this.#parentheses = true
      this.#words.open(true)
    }
  }

  /** A comment at the start of a word, else a character like others. */
  #hash(): void {
    const before = this.#peek(-1)
    const sure = this.#words.wordStart < 0 ? !/[()<>]/.test(before) : /[!-~\0]/.test(before) && before !== ')'
    if (!sure || this.#words.inTest) return this.#block('comes after a "#" that may or may not begin a comment')
    if (this.#words.wordStart >= 0) {
      this.#at += 1
      return
    }
    const end = this.#line.indexOf('\n', this.#at)
    const comment = this.#line.slice(this.#at, end < 0 ? this.#line.length : end)
    if (comment.includes(HOLE))
      this.#refuse(this.#places.length, 'stands in a comment; put quotes around the "#" if it is none')
    // bash 3.2 takes quotes in comments within $(…) for quotes.
    if (comment.endsWith('\\') || (this.#parentheses && /['"`\\$()]/.test(comment)))
      return this.#block('comes after a comment with quotes or a backslash')
    this.#at += comment.length
  }

  #bracket(): void {
    const { wordStart } = this.#words
    const name = wordStart < 0 ? '' : this.#line.slice(wordStart, this.#at)
    if (/^\{?[A-Za-z_]\w*$/.test(name))
      return this.#skip(afterGlobClass, 'stands within or after name[…], which bash computes as the index of an array')
    this.#words.begin(this.#at)
    this.#at += 1
  }

  #open(): void {
    const [before, next] = [this.#peek(-1), this.#peek(1)]
    if (next === ')' && /\w/.test(before)) {
      this.#words.end(this.#at)
      this.#words.separate()
      this.#at += 2
    } else if (next === '(') this.#block('stands within or after ((…)); put a space between the parentheses')
    else if (!/^[ \t\n;&|()]?$/.test(before)) this.#block(`comes after "${before}("`.replace(HOLE, '{}'))
    else {
      this.#parentheses = true
      this.#words.end(this.#at)
      this.#words.open(false)
      this.#at += 1
    }
  }

  #redirect(): void {
    this.#words.end(this.#at)
    const two = this.#line.slice(this.#at, this.#at + 2)
    if (this.#line.startsWith('<<<', this.#at)) {
      if (this.#peek(3) === '<') return this.#block('comes after "<<<<"')
      this.#words.redirect('file')
      this.#at += 3
    } else if (two === '<<') {
      this.#hereDocument = true
      this.#words.redirect('file')
      this.#skip(afterHereDelimiter, 'stands in or after the delimiter of a here-document; use printf and a pipe')
    } else if (two === '<(' || two === '>(') this.#block(`stands within or after ${two}…), which not every sh knows`)
    else {
      this.#words.redirect(/^[<>]&$/.test(two) ? 'copy' : 'file')
      this.#at += /^(?:[<>]&|>>|<>|>\|)$/.test(two) ? 2 : 1
    }
  }

  #newline(): void {
    if (this.#hereDocument) this.#block('stands in or after a here-document; use printf and a pipe')
    else if (this.#words.aliased) this.#block('stands in a line after an alias, which may change its meaning')
  }

  #skip(after: (line: string, at: number) => number, why: string): void {
    const end = after(this.#line, this.#at)
    if (end < 0 || (this.#hereDocument && this.#line.slice(this.#at, end).includes('\n'))) return this.#block(why)
    this.#words.begin(this.#at)
    this.#at = end
  }

  /** From here on no placeholder is safe; if none comes, the rest of the line does not matter. */
  #block(why: string): void {
    if (this.#line.includes(HOLE, this.#at)) this.#refuse(this.#places.length, why)
    this.#stopped = true
    this.#at = this.#line.length
  }

  #unclosed(quote: string): never {
    return this.#refuse(Math.max(0, this.#places.length - 1), `stands in a line with a ${quote} that is not closed`)
  }

  #peek(distance: number): string {
    return this.#line[this.#at + distance] ?? ''
  }
}
