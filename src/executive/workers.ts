import { ProcessPool } from '../pool/process-pool.js'
import type { CheckedForEach } from './for-each-options.js'
import { PassedOutput } from './passed-output.js'

/**
 * The processes that handle items: a pool, which is made when the first item is there.
 *
 *   none ── open() ──► there ── rest(): those that are not kept ──► none
 *                        └───── close(), destroy() ──────────────► none
 */
export class Workers {
  /** What they print, where it is passed on. */
  readonly passed: PassedOutput | null
  readonly #options: CheckedForEach
  readonly #areKept: boolean
  #pool: ProcessPool | null = null
  #ending: Promise<void> | null = null
  #started = 0

  /** @param areKept - whether they stay when there is nothing to do any more, until {@link close}. */
  constructor(options: CheckedForEach, areKept: boolean) {
    this.#options = options
    this.#areKept = areKept
    this.passed = options.output === 'inherit' ? new PassedOutput() : null
  }

  /** How many processes were started so far. */
  get started(): number {
    return this.#started
  }

  /** The pool, with this maximum. */
  open(max: number): ProcessPool {
    this.#pool ??= this.#make(max)
    if (this.#pool.max !== max) this.#pool.max = max
    return this.#pool
  }

  /** Has another maximum from now on, if there is a pool. */
  resize(max: number): void {
    if (this.#pool !== null && this.#pool.max !== max) this.#pool.max = max
  }

  /** All items are done. Resolves when no process is left that is not kept. */
  async rest(): Promise<void> {
    if (this.#areKept && this.#ending === null) return
    await this.close()
  }

  /** Asks all to exit; resolves when no process is left. */
  async close(): Promise<void> {
    await this.#end((pool) => pool.close())
  }

  /**
   * Ends all, with all that they started.
   *
   * @param graceMs - milliseconds between TERM and KILL. Default: `killGraceMs`.
   */
  async destroy(graceMs?: number): Promise<void> {
    await this.#end((pool) => pool.destroy(graceMs === undefined ? {} : { graceMs }))
  }

  async #end(end: (pool: ProcessPool) => Promise<void>): Promise<void> {
    const pool = this.#pool
    if (pool === null) return
    // A pool can be ended again, with less patience.
    const ending = end(pool).finally(() => {
      if (this.#pool !== pool) return
      this.#pool = null
      this.#ending = null
    })
    this.#ending = ending
    await ending
  }

  #make(max: number): ProcessPool {
    const { handler, pool: options } = this.#options
    const pool = new ProcessPool(handler, { ...options, max, maxSpare: Number.POSITIVE_INFINITY })
    pool.on('start', () => {
      this.#started += 1
    })
    const { passed } = this
    if (passed !== null) {
      pool.on('output', ({ pid, stream, chunk }) => passed.print(pid, stream, Buffer.from(chunk)))
      pool.on('exit', ({ pid }) => passed.endLines(pid))
    }
    return pool
  }
}
