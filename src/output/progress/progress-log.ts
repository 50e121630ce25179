import { count } from '../count.js'
import type { FailedTask, ProgressState } from './progress-state.js'
import { progressText } from './progress-words.js'
import { screenText } from './screen-text.js'

export interface ProgressLogOptions {
  /** Takes a whole line without its end. */
  readonly write: (line: string) => void
  /** Whether the log is one of GitHub Actions, where what is between two markers is folded. Default: false. */
  readonly isGithub?: boolean
  /** Milliseconds until the first line. Each further one takes twice as long, up to five minutes. Default: 2,000. */
  readonly firstMs?: number
}

const MOST_MS = 300_000
/** A line of a log is read later, by people with wider screens. */
const MOST_STDERR = 200

/** Progress for a log: a line now and then, ever more rarely, and at the end the failures again, since they are far up by then. */
export class ProgressLog {
  readonly #write: (line: string) => void
  readonly #isGithub: boolean
  #nextMs: number
  #timer: NodeJS.Timeout | null = null

  constructor({ write, isGithub = false, firstMs = 2_000 }: ProgressLogOptions) {
    this.#write = write
    this.#isGithub = isGithub
    this.#nextMs = firstMs
  }

  begin(state: () => ProgressState): void {
    if (this.#isGithub) this.#write('::group::drover')
    const tell = () => {
      this.#write(`drover: ${progressText(state())}`)
      this.#later(tell)
    }
    this.#later(tell)
  }

  /** @param failures - the latest of them, the latest first. @param failed - how many there were in all. */
  end(failures: readonly FailedTask[], failed: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#isGithub) this.#write('::endgroup::')
    if (failures.length === 0) return
    const left = failed - failures.length
    this.#write(`drover: ${count(failed)} failed${left > 0 ? `, the last ${failures.length} of them` : ''}:`)
    for (const task of failures.toReversed()) this.#write(`  ${failureText(task)}`)
  }

  #later(tell: () => void): void {
    this.#timer = setTimeout(tell, this.#nextMs)
    this.#timer.unref()
    this.#nextMs = Math.min(2 * this.#nextMs, MOST_MS)
  }
}

/** As in `- #17 (curl -sf http://a): exit 22: curl: (22) …`, which no log takes for a marker. */
function failureText({ name, command, end, stderr }: FailedTask): string {
  const what = command === null ? '' : ` (${screenText(command)})`
  const said = screenText(stderr).slice(0, MOST_STDERR)
  return `- ${screenText(name)}${what}: ${screenText(end)}${said === '' ? '' : `: ${said}`}`
}
