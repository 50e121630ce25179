import type { ForEachOptions } from './for-each-options.js'

/** What is given up before the first process is started, and taken back after the last one has ended. */
export class LentResources {
  readonly #hooks: Pick<ForEachOptions, 'release' | 'reacquire'>
  #releasing: Promise<void> | null = null
  #areLent = false

  constructor(hooks: Pick<ForEachOptions, 'release' | 'reacquire'>) {
    this.#hooks = hooks
  }

  /** Gives them up, once. @throws (as a rejection) what the hook threw, each time. */
  release(): Promise<void> {
    this.#releasing ??= this.#lend()
    return this.#releasing
  }

  /** Takes them back, if they were given up. */
  async reacquire(): Promise<void> {
    if (this.#areLent) await this.#hooks.reacquire?.()
  }

  async #lend(): Promise<void> {
    await this.#hooks.release?.()
    this.#areLent = true
  }
}
