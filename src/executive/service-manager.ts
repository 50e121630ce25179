import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Launcher } from '../launcher/port.js'
import { DroverError } from '../task/errors.js'

/**
 * Tells systemd, or whoever else speaks its protocol of datagrams (sd_notify), how a service stands. Without a socket in the
 * environment it says nothing.
 *
 * The launcher sends, since Node has no such sockets; without it the program `systemd-notify` does. Either is a child of this
 * process, so that a unit needs `NotifyAccess=all`, unless it runs as root.
 */
export class ServiceManager {
  readonly #launcher: Launcher
  readonly #socket: string | undefined
  readonly #watchdogMs: number
  #timer: NodeJS.Timeout | null = null
  #last: Promise<void> = Promise.resolve()

  constructor(launcher: Launcher, env: NodeJS.ProcessEnv) {
    this.#launcher = launcher
    this.#socket = env.NOTIFY_SOCKET || undefined
    this.#watchdogMs = watchdogMs(env)
  }

  /**
   * From now on the service is ready, and shows that it is alive, where that is asked for.
   *
   * @throws DroverError `ERR_DROVER_NOTIFY` when it cannot be told: the manager would wait in vain.
   */
  async begin(): Promise<void> {
    if (this.#socket === undefined) return
    try {
      await this.#send('READY=1')
    } catch (error) {
      throw new DroverError(
        'ERR_DROVER_NOTIFY',
        `the service manager cannot be told that this daemon is ready: ${(error as Error).message}; with systemd: false it is not`,
        { cause: error },
      )
    }
    if (this.#watchdogMs === 0) return
    this.#timer = setInterval(() => void this.tell('WATCHDOG=1'), this.#watchdogMs)
    this.#timer.unref()
  }

  /** Tells lines of `NAME=value`, in order. That it does not arrive is no error. */
  async tell(...lines: readonly string[]): Promise<void> {
    if (this.#socket === undefined) return
    await this.#send(lines.join('\n')).catch(() => {})
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #send(message: string): Promise<void> {
    const sent = this.#last.then(() => this.#sendNow(message))
    this.#last = sent.catch(() => {})
    return sent
  }

  async #sendNow(message: string): Promise<void> {
    const { sendDatagram } = this.#launcher
    if (sendDatagram !== undefined) return this.#launcher.sendDatagram!(this.#socket!, message)
    const env = { ...process.env, NOTIFY_SOCKET: this.#socket }
    await promisify(execFile)('systemd-notify', message.split('\n'), { env })
  }
}

/** How often to show that one is alive: twice as often as is asked for. 0 when nobody asks. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return 0
  const ms = Number(WATCHDOG_USEC) / 1_000 / 2
  return ms >= 1 ? Math.min(ms, 2 ** 31 - 1) : 0
}

/** The time as the manager of a service that reloads wants it told. */
export function monotonicUsec(): string {
  return String(process.hrtime.bigint() / 1_000n)
}
