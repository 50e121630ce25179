import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Result } from '../../src/task/result.js'
import { mortal } from './mortal.js'

/** The command of the checkout. */
export const PROGRAM = fileURLToPath(new URL('../../bin/drover.cjs', import.meta.url))

export interface DroverEnd {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: number
  /** With `digest`, what was printed is not kept but hashed. */
  readonly stdoutSha256: string
}

export interface DroverOptions {
  readonly input?: string | Buffer
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly digest?: boolean
  /** Nobody reads what it prints to stdout. */
  readonly paused?: boolean
  /** The words before its own. Default: Node and the program. */
  readonly through?: readonly string[]
}

/** The built command line, started and going on; where its test is ended before it, it is killed. */
export class Drover {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly end: Promise<DroverEnd>
  /** Its status and signal, also when its output was not read. */
  readonly exit: Promise<[number | null, NodeJS.Signals | null]>
  readonly #out: Buffer[] = []
  readonly #err: Buffer[] = []

  constructor(args: readonly string[], options: DroverOptions = {}) {
    const [program, ...before] = mortal(options.through ?? [process.execPath, PROGRAM])
    this.process = spawn(program!, [...before, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: 'pipe',
    })
    const hash = createHash('sha256')
    let stdoutBytes = 0
    this.exit = once(this.process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    this.process.stdout.on('data', (chunk: Buffer) => {
      stdoutBytes += chunk.length
      if (options.digest === true) hash.update(chunk)
      else this.#out.push(chunk)
    })
    if (options.paused === true) this.process.stdout.pause()
    this.process.stderr.on('data', (chunk: Buffer) => this.#err.push(chunk))
    // It may end without having read its input.
    this.process.stdin.on('error', () => {})
    if (options.input !== undefined) this.process.stdin.end(options.input)
    this.end = once(this.process, 'close').then(([status, signal]) => ({
      status: status as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
      stdoutBytes,
      stdoutSha256: options.digest === true ? hash.digest('hex') : '',
    }))
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.bytes.toString()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#out)
  }

  get stderr(): string {
    return Buffer.concat(this.#err).toString()
  }
}

/** Runs `drover` to its end; its standard input is empty unless `input` is given. */
export function drover(args: readonly string[], options: DroverOptions = {}): Promise<DroverEnd> {
  return new Drover(args, { input: '', ...options }).end
}

/** The results that `--json` printed. */
export function resultsOf(end: Pick<DroverEnd, 'stdout'>): Result[] {
  return end.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
