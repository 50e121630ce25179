import { closeSync, openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { isInForeground } from './foreground.js'
import { KeyMode } from './key-mode.js'

/** Keys that somebody presses at the terminal of this process, for as long as it is in the foreground. */
export class Keys {
  readonly #fd: number
  readonly #onKey: (key: string) => void
  /** Only while keys are listened to: one that is paused reads once more, and takes what was typed for somebody else. */
  #stream: ReadStream | null = null
  readonly #mode: KeyMode
  #isClosed = false

  private constructor(fd: number, onKey: (key: string) => void) {
    this.#fd = fd
    this.#mode = new KeyMode(fd)
    this.#onKey = onKey
  }

  /** Null where there is no terminal to read from. */
  static open(onKey: (key: string) => void): Keys | null {
    try {
      return new Keys(openSync('/dev/tty', 'r'), onKey)
    } catch {
      return null
    }
  }

  /** Whether keys are listened to at the moment. */
  get isOn(): boolean {
    return this.#mode.isOn
  }

  /** Listens in the foreground and not in the background; to be called whenever that may have changed. */
  heed(): void {
    if (this.#isClosed) return
    if (!isInForeground()) return this.#ignore()
    if (this.#mode.isOn || !this.#mode.enter()) return
    this.#listen()
  }

  /** Listens as before after this process was stopped, since others have had the terminal meanwhile. */
  renew(): void {
    this.#mode.renew()
  }

  /** Gives the terminal back until {@link heed}, as before this process is stopped. */
  rest(): void {
    this.#stopListening()
    this.#mode.leave()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.rest()
    closeSync(this.#fd)
  }

  #ignore(): void {
    if (!this.#mode.isOn) return
    this.#stopListening()
    this.#mode.forget()
  }

  #listen(): void {
    try {
      // It closes what it was given, so that it gets one of its own.
      this.#stream = new ReadStream(openSync('/dev/tty', 'r'))
    } catch {
      return this.close()
    }
    this.#stream.setEncoding('utf8')
    // A terminal that has gone away has no keys.
    this.#stream.on('error', () => this.close())
    this.#stream.on('data', (keys) => {
      for (const key of keys.toString()) this.#onKey(key)
    })
    this.#stream.unref()
  }

  #stopListening(): void {
    this.#stream?.destroy()
    this.#stream = null
  }
}
