import { endTree, type Tree } from './end-tree.js'

/** The end of one tree of processes, which may be asked for again and again, with less and less patience. */
export class TreeEnding {
  #done: Promise<unknown> | null = null
  #hurryController: AbortController | null = null

  /** While something of it is being ended: resolves once nothing is left. Null before {@link TreeEnding.begin}. */
  get done(): Promise<unknown> | null {
    return this.#done
  }

  /**
   * Ends the tree: TERM, grace, KILL. Only the first call does anything.
   *
   * @param hasExited - whether its own process has ended.
   * @param onGone - called once nothing is left, before {@link TreeEnding.done} resolves.
   */
  begin(tree: Tree, graceMs: number, hasExited: () => boolean, onGone: () => void): void {
    this.#done ??= endTree(tree, { graceMs, hasExited, hurry: this.#hurry.signal }).then(onGone)
  }

  /** KILL after that time at the latest, where it is being ended. */
  shorten(graceMs: number): void {
    if (this.#done === null) return
    const timer = setTimeout(() => this.hurry(), graceMs)
    void this.#done.then(() => clearTimeout(timer))
  }

  /** KILL at once, also for what will be ended later. */
  hurry(): void {
    this.#hurry.abort()
  }

  get #hurry(): AbortController {
    this.#hurryController ??= new AbortController()
    return this.#hurryController
  }
}
