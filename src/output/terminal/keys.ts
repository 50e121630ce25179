import { closeSync, openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { isInForeground } from './foreground.js'
import { KeyMode } from './key-mode.js'

/** Keys that somebody presses at the terminal of this process, for as long as it is in the foreground. */
export class Keys {
  readonly #fd: number
  readonly #stream: ReadStream
  readonly #mode: KeyMode
  #isClosed = false

  private constructor(fd: number, onKey: (key: string) => void) {
    this.#fd = fd
    this.#mode = new KeyMode(fd)
    // It closes what it was given, so that it gets one of its own.
    this.#stream = new ReadStream(openSync('/dev/tty', 'r'))
    this.#stream.setEncoding('utf8')
    // A terminal that has gone away has no keys.
    this.#stream.on('error', () => this.close())
    this.#stream.on('data', (keys) => {
      for (const key of keys.toString()) onKey(key)
    })
    this.#stream.pause()
    this.#stream.unref()
  }

  /** Null where there is no terminal to read from. */
  static open(onKey: (key: string) => void): Keys | null {
    let fd: number
    try {
      fd = openSync('/dev/tty', 'r')
    } catch {
      return null
    }
    try {
      return new Keys(fd, onKey)
    } catch {
      closeSync(fd)
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
    this.#stream.resume()
    this.#stream.unref()
  }

  /** Listens as before after this process was stopped, since others have had the terminal meanwhile. */
  renew(): void {
    this.#mode.renew()
  }

  /** Gives the terminal back until {@link heed}, as before this process is stopped. */
  rest(): void {
    this.#stream.pause()
    this.#mode.leave()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.rest()
    this.#stream.destroy()
    closeSync(this.#fd)
  }

  #ignore(): void {
    if (!this.#mode.isOn) return
    this.#stream.pause()
    this.#mode.forget()
  }
}
