import { styleText } from 'node:util'
import { asciiText, printable } from '../output/printable.js'
import { describeEnd } from '../process/run.js'
import type { Result } from '../task/result.js'
import { describeCommand } from '../task/task.js'

/** Problems that are told one by one, before it is only counted how many there are. */
const MOST_PROBLEMS = 10

export interface MessagesOptions {
  readonly quiet: boolean
  readonly verbose: boolean
  readonly color: boolean
  /** What a task is called. */
  readonly what: string
  /** Whether a task that failed may not have said why. */
  readonly tellsFailed: boolean
  /** Whether nothing but ASCII is shown. Default: false. */
  readonly ascii?: boolean
  /** Takes a whole line without its end. */
  readonly write: (line: string) => void
}

/** What drover says to people, on stderr. */
export class Messages {
  readonly #options: MessagesOptions
  #problems = 0

  constructor(options: MessagesOptions) {
    this.#options = options
  }

  /** Something that people should know. */
  say(message: string): void {
    if (!this.#options.quiet) this.#options.write(`drover: ${this.#shown(message)}`)
  }

  /** Something that only who wants to know everything should. */
  detail(message: string): void {
    if (this.#options.verbose) this.say(message)
  }

  /** A line that already says who speaks. */
  line(line: string): void {
    if (!this.#options.quiet) this.#options.write(line)
  }

  onStart(index: number, attempt: number, command: string): void {
    if (this.#options.verbose)
      this.say(
        `${this.#options.what} ${index + 1} starts${attempt > 1 ? ` for the ${ordinal(attempt)} time` : ''}: ${command}`,
      )
  }

  #shown(text: string): string {
    return this.#options.ascii === true ? asciiText(printable(text)) : printable(text)
  }

  /** Tells of a result that the task itself cannot have told of. */
  onResult(result: Result): void {
    const { verbose, color, what, tellsFailed } = this.#options
    if (!verbose && !NEEDS_WORDS.has(result.state) && !(tellsFailed && result.state === 'failed')) return
    if (!verbose && ++this.#problems > MOST_PROBLEMS) {
      if (this.#problems === MOST_PROBLEMS + 1) this.say(`more such ${what}s are only counted; --verbose tells of each`)
      return
    }
    if (this.#options.quiet) return
    const line = this.#shown(`${nameOf(result, what)}: ${describeEnd(result)}`)
    this.#options.write(`drover: ${color && result.state !== 'succeeded' ? styleText('red', line) : line}`)
  }
}

const NEEDS_WORDS: ReadonlySet<Result['state']> = new Set(['timed-out', 'killed', 'spawn-failed', 'lost', 'invalid'])

function nameOf(result: Result, what: string): string {
  const name = `${what} ${result.id ?? result.index + 1}`
  // All messages have the same command.
  if (result.command === null || what !== 'task') return name
  const { command, args } = result
  return `${name} (${describeCommand(args === null ? { command } : { command, args })})`
}

function ordinal(number: number): string {
  const suffix = number === 2 ? 'nd' : number === 3 ? 'rd' : 'th'
  return `${number}${suffix}`
}
