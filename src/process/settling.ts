import type { OutputIntake } from './output-intake.js'

export interface SettlingOptions {
  readonly output: Pick<OutputIntake, 'isOpen' | 'isWaiting' | 'lastMs'>
  readonly pipeGraceMs: number
  /** How many processes of the tree are alive; 0 at once where none can be. */
  readonly countLeft: () => number | Promise<number>
  /** Whether what is left is waited for, however long it takes. */
  readonly waits: () => boolean
}

/**
 * The time between the exit of a child and its result: what is left may finish by itself, as long as output comes, at
 * intervals under the pipe grace, but not for longer than ten times the pipe grace.
 */
export class Settling {
  readonly #options: SettlingOptions
  #wake: (() => void) | null = null

  constructor(options: SettlingOptions) {
    this.#options = options
  }

  /** Something has changed that may be what it waits for. */
  look(): void {
    this.#wake?.()
  }

  /** Resolves to whether the output was held open beyond the grace. */
  async wait(): Promise<boolean> {
    const { output, pipeGraceMs, countLeft, waits } = this.#options
    let budgetMs = 10 * pipeGraceMs
    let idleSince = performance.now()
    let held = false
    for (let stepMs = 2; ; stepMs = Math.min(stepMs * 2, 100)) {
      if (!output.isOpen && !output.isWaiting && (await countLeft()) === 0) return held
      const before = performance.now()
      idleSince = Math.max(idleSince, output.lastMs)
      const expired = !output.isWaiting && (before - idleSince >= pipeGraceMs || budgetMs <= 0)
      if (expired && (await this.#isStillIdle(idleSince, budgetMs))) {
        held ||= output.isOpen
        if (!waits()) return output.isOpen
      }
      await this.#pause(stepMs)
      // Time in which a blocked event loop could not have seen any output does not count.
      if (!output.isWaiting) budgetMs -= Math.min(performance.now() - before, 2 * stepMs)
    }
  }

  /** After a blocked event loop timers run before the data that was there all along: one look at the pipes first. */
  async #isStillIdle(idleSince: number, budgetMs: number): Promise<boolean> {
    const { output } = this.#options
    await new Promise((resolve) => setImmediate(resolve))
    return !output.isWaiting && (output.lastMs <= idleSince || budgetMs <= 0)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
