/**
 * Follows, word by word, which command a shell line is in. The place alone does not make an item safe: some built-in
 * commands and redirections read a word a second time, as code.
 */
interface Command {
  /** Where the word that is being read began; -1 between words. */
  wordStart: number
  /** Whether the next word is the name of a command. */
  expected: boolean
  name: string
  /** How many arguments have begun. */
  argumentCount: number
  /** What the word that comes next, or is being read, is the target of. */
  redirect: 'none' | 'file' | 'copy'
  /** Why arguments of this command are read as code, if they are. */
  code: string | null
  /** Whether a compound command has just ended, as with `done`. */
  closed: boolean
  /** The placeholder that begins printf's format. */
  format: number | null
  /** Number of the last argument that began with a placeholder. */
  leading: number
}

const OPENERS = new Set(['then', 'do', 'else', 'elif', 'if', 'while', 'until', '!', '{', 'time', 'command', 'builtin'])
const CLOSERS = new Set(['fi', 'done', 'esac', '}', ']]'])
const CODE = new Set(['eval', 'let', 'trap', 'alias', 'declare', 'typeset', 'local', 'unset', 'read'])
const TESTS = new Set(['[', 'test'])
const ASSIGNMENT = /^[A-Za-z_]\w*\+?=/
/** Variables whose values a shell expands as code. */
const CODE_VARIABLE = /^(?:PS\d|ENV|BASH_ENV|PROMPT_COMMAND)=/
const AGAIN = 'a second time, as code; hand the value over in a variable or as an argument of a script'

export class CommandWords {
  readonly #line: string
  readonly #refuse: (hole: number, why: string) => never
  readonly #outer: { command: Command; cases: number; substitution: boolean }[] = []
  #command = newCommand()
  /** How many `case` wait for their `esac` within these parentheses. */
  #cases = 0
  #inTest = false
  #aliased = false

  /** @param refuse - called for a placeholder that turns out later to be unsafe */
  constructor(line: string, refuse: (hole: number, why: string) => never) {
    this.#line = line
    this.#refuse = refuse
  }

  get wordStart(): number {
    return this.#command.wordStart
  }

  get inTest(): boolean {
    return this.#inTest
  }

  /** Whether an alias may change, from the next line on, what words mean. */
  get aliased(): boolean {
    return this.#aliased
  }

  /** Whether a word that is whole may become several words here. */
  get takesSeveral(): boolean {
    const { redirect, name, format } = this.#command
    return redirect === 'none' && format === null && !TESTS.has(name)
  }

  /** Why items cannot be appended as arguments here, or null. */
  get noArgument(): string | null {
    const { expected, closed, redirect } = this.#command
    if (this.#outer.length > 0) return 'there is a "(" without its ")"'
    if (redirect === 'none' && (expected || closed)) return expected ? 'a command begins there' : 'a command ends there'
    return null
  }

  /** A character of a word is at `at`. */
  begin(at: number): void {
    const command = this.#command
    if (command.wordStart >= 0) return
    command.wordStart = at
    if (command.redirect !== 'none' || command.expected) return
    command.argumentCount += 1
    if (command.format !== null) {
      this.#refuse(command.format, `is the format of printf, which bash reads ${AGAIN}: printf '%s\\n' {}`)
    }
  }

  /** Notes a placeholder in the word that has begun; returns why it cannot stand there, or null. */
  place(at: number, hole: number): string | null {
    const command = this.#command
    const before = this.#line.slice(command.wordStart, at).replaceAll(/['"]/g, '')
    if (this.#inTest) return `stands within [[ … ]], where bash reads words ${AGAIN}; use [ … ]`
    if (command.redirect === 'copy') return `stands after >& or <&, where bash reads the word ${AGAIN}; use > and 2>&1`
    if (command.code !== null) return `stands after ${command.code}, which reads its arguments ${AGAIN}`
    if (CODE_VARIABLE.test(before)) return `stands in a variable that shells read ${AGAIN}`
    if (command.redirect !== 'none' || command.expected) return null
    if (command.name === 'printf') {
      if (before.startsWith('-v')) return `stands after -v, which reads a name ${AGAIN}`
      if (command.argumentCount === 1 && before === '') command.format = hole
    } else if (TESTS.has(command.name) && before === '' && command.leading !== command.argumentCount) {
      if (command.leading > 0 && command.leading === command.argumentCount - 1)
        return 'stands after another one, so that the first could be an operator; write an operator such as = or -f'
      command.leading = command.argumentCount
    }
    return null
  }

  /** The word ends before `at`. */
  end(at: number): void {
    const command = this.#command
    if (command.wordStart < 0) return
    const raw = this.#line.slice(command.wordStart, at)
    const isNumber = /^\d+$/.test(raw) && (this.#line[at] === '<' || this.#line[at] === '>')
    command.wordStart = -1
    if (isNumber) return
    if (command.redirect !== 'none') {
      command.redirect = 'none'
      return
    }
    const word = raw.replaceAll(/['"\\]/g, '')
    if (word === '[[') this.#inTest = true
    if (word === ']]') this.#inTest = false
    if (word === 'alias') this.#aliased = true
    if (command.expected) this.#name(word)
    else if (word === '-v' && (command.name === 'printf' || TESTS.has(command.name))) command.code = '-v'
  }

  redirect(target: 'file' | 'copy'): void {
    this.#command.redirect = target
  }

  /** `;`, `&`, `|` or the end of a line. */
  separate(): void {
    this.#command = newCommand()
  }

  open(substitution: boolean): void {
    this.#outer.push({ command: this.#command, cases: this.#cases, substitution })
    this.#command = newCommand()
    this.#cases = 0
  }

  /** `)`: of a substitution, of a group, or of a pattern of `case`. */
  close(): void {
    const outer = this.#cases > 0 ? undefined : this.#outer.pop()
    this.#command = outer?.command ?? newCommand()
    this.#cases = outer?.cases ?? this.#cases
    if (outer?.substitution === false) this.#command = newCommand()
  }

  #name(word: string): void {
    const command = this.#command
    if (OPENERS.has(word) || ASSIGNMENT.test(word)) return
    command.expected = false
    command.name = word
    command.closed = CLOSERS.has(word)
    if (CODE.has(word)) command.code = word
    if (word === 'case') this.#cases += 1
    else if (word === 'esac') this.#cases -= 1
  }
}

function newCommand(): Command {
  return {
    wordStart: -1,
    expected: true,
    name: '',
    argumentCount: 0,
    redirect: 'none',
    code: null,
    closed: false,
    format: null,
    leading: 0,
  }
}
