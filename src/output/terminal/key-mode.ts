import { type StdioOptions, spawnSync } from 'node:child_process'
import { isInForeground } from './foreground.js'

/**
 * Has a terminal hand over each key at once, without showing it. Ctrl-C and its like do what they always do. It is `stty` that does it:
 * Node's own raw mode would take Ctrl-C away too, and would have this process stopped that ends in the background.
 */
export class KeyMode {
  readonly #fd: number
  /** How it was before, in the words of stty; null while it is that way. */
  #before: string | null = null
  readonly #restore = () => this.leave()

  /** @param fd - the terminal. */
  constructor(fd: number) {
    this.#fd = fd
  }

  get isOn(): boolean {
    return this.#before !== null
  }

  /** False where it cannot be: in the background, or without stty. */
  enter(): boolean {
    if (this.#before !== null) return true
    const before = this.#stty('-g')?.trim()
    if (before === undefined || before === '' || !isInForeground()) return false
    process.once('exit', this.#restore)
    this.#before = before
    if (this.#set()) return true
    this.leave()
    return false
  }

  /** The same again, where others may have changed it. */
  renew(): void {
    if (this.#before !== null && isInForeground()) this.#set()
  }

  /** Gives the terminal back as it was. */
  leave(): void {
    const before = this.#before
    this.forget()
    // In the background it belongs to somebody else, who has set it as he wants it.
    if (before !== null && isInForeground()) this.#stty(before)
  }

  /** Somebody else has the terminal now. */
  forget(): void {
    this.#before = null
    process.removeListener('exit', this.#restore)
  }

  #set(): boolean {
    return this.#stty('-icanon', '-echo', 'min', '1', 'time', '0') !== null
  }

  /** What it printed; null when it failed. In a session of its own nobody is stopped for it. */
  #stty(...args: string[]): string | null {
    const stdio: StdioOptions = [this.#fd, 'pipe', 'ignore']
    // Node knows the option here as well, its types do not.
    const options = { detached: true, encoding: 'utf8', stdio } as const
    const { status, stdout } = spawnSync('stty', args, options)
    return status === 0 ? stdout : null
  }
}
