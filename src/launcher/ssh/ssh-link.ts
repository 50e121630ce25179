import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { DroverError } from '../../task/errors.js'
import { exitOf, type LauncherLink, type LinkEvents, sendPieces } from '../native/link.js'
import { type HostAnswer, readAnswer } from './remote-script.js'

/** What a profile may print before the answer. */
const LONGEST_PREAMBLE = 1024 * 1024
/** How much of what ssh says is kept. */
const KEPT_WORDS = 2_048
/** How long ssh may take to go by itself when its input has ended. */
const FAREWELL_MS = 1_000

/** One ssh to a host, with a command of ours. */
export class SshLink implements LauncherLink {
  /** No process of this machine. */
  readonly pid = null
  readonly host: string
  readonly #process: ChildProcess
  readonly #stdin: Socket
  readonly #stdout: Socket
  #words = Buffer.alloc(0)
  #rest: Buffer = Buffer.alloc(0)
  #startProblem: string | null = null

  /** @param command - a line for the login shell over there. */
  constructor(host: string, command: string) {
    this.host = host
    this.#process = spawn('ssh', sshArguments(host, command), {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Nothing that the terminal sends to drover is for it.
      detached: true,
    })
    this.#stdin = this.#process.stdin as Socket
    this.#stdout = this.#process.stdout as Socket
    const stderr = this.#process.stderr as Socket
    this.#stdin.on('error', () => {})
    this.#stdout.on('error', () => {})
    stderr.on('error', () => {})
    stderr.on('data', (chunk: Buffer) => {
      this.#words = Buffer.concat([this.#words, chunk]).subarray(-KEPT_WORDS)
    })
    this.#process.on('error', ({ message }) => {
      this.#startProblem = `ssh cannot be started: ${message}`
      this.destroy()
    })
    this.#process.unref()
    for (const socket of [this.#stdin, stderr]) socket.unref()
  }

  /** What ssh has said of late, on one line. */
  get words(): string {
    const lines = this.#words.toString().split(/\r?\n/)
    return (
      this.#startProblem ??
      lines
        .map((line) => line.trim())
        .filter((line) => line !== '')
        .join('; ')
    )
  }

  /** Sends all of it, and then the end. */
  feed(bytes: Uint8Array): void {
    this.#stdin.end(bytes)
  }

  /**
   * Waits for what the command says first.
   *
   * @throws (as a rejection) DroverError with code `ERR_DROVER_HOST` when it says nothing of the kind; the connection has ended then.
   */
  answer(mark: string, timeoutMs: number): Promise<HostAnswer> {
    return new Promise((resolve, reject) => {
      let bytes: Buffer = Buffer.alloc(0)
      const stop = () => {
        clearTimeout(timer)
        this.#stdout.pause()
        this.#stdout.removeListener('data', onData).removeListener('close', onClose)
      }
      const fail = (reason: string) => {
        stop()
        this.abandon()
        reject(new DroverError('ERR_DROVER_HOST', `cannot use the host ${this.host}: ${reason}`))
      }
      const onData = (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk])
        const answer = readAnswer(bytes, mark)
        if (answer === null) {
          if (bytes.length > LONGEST_PREAMBLE) fail('it prints without end before it runs anything')
          return
        }
        stop()
        this.#rest = answer.rest
        resolve(answer)
      }
      // Why it ended may be told after that.
      const onClose = () => void exitOf(this.#process).then(() => setImmediate(() => fail(this.words || 'ssh ended')))
      const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1_000} s${this.#saying}`), timeoutMs)
      this.#stdout.on('data', onData)
      this.#stdout.once('close', onClose)
    })
  }

  listen({ onData, onEnd }: LinkEvents): void {
    const rest = this.#rest
    if (rest.length > 0) process.nextTick(() => onData(rest))
    this.#stdout.on('data', onData)
    if (this.#stdout.destroyed) process.nextTick(() => onEnd(null))
    else this.#stdout.once('close', () => setImmediate(() => onEnd(null)))
    this.#stdout.resume()
  }

  send(pieces: readonly Uint8Array[]): void {
    sendPieces(this.#stdin, pieces)
  }

  ref(): void {
    this.#stdout.ref()
  }

  unref(): void {
    this.#stdout.unref()
  }

  destroy(): void {
    this.#stdin.destroy()
    this.#stdout.destroy()
    const timer = setTimeout(() => this.#process.kill(), FAREWELL_MS)
    timer.unref()
    this.#process.once('exit', () => clearTimeout(timer))
  }

  /** As {@link destroy}, without a farewell. */
  abandon(): void {
    this.destroy()
    this.#process.kill()
  }

  whenOver(): Promise<void> {
    return exitOf(this.#process)
  }

  get #saying(): string {
    return this.words === '' ? '' : `: ${this.words}`
  }
}

/** No name can be taken for an option, and no shell of this machine sees any of it. */
function sshArguments(host: string, command: string): string[] {
  const options = [
    // Nobody is there to be asked.
    'BatchMode=yes',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=3',
    // What is forwarded for people would be in the way of the second connection.
    'ClearAllForwardings=yes',
    'RemoteCommand=none',
  ]
  return ['-T', '-x', ...options.flatMap((option) => ['-o', option]), '--', host, command]
}
