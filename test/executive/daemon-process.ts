import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { until } from '../helpers/until.js'
import type { Act } from './programs/acting.mjs'

const PROGRAM = fileURLToPath(new URL('./programs/daemon.mjs', import.meta.url))

export interface DaemonPlan {
  /** Of each round; `answer` gets the number of the round for a value. */
  readonly items?: readonly Act[]
  /** Options of daemon() that JSON can carry. */
  readonly options?: Record<string, unknown>
  /** After which `stop()` says yes; 0 is never. */
  readonly rounds?: number
  /** Whether the queue never comes. */
  readonly waits?: boolean
  /** Whether it says so when it gets TERM. */
  readonly tellsSignals?: boolean
  /** Written by the hook `reload`. */
  readonly readFrom?: string
}

export type Said = Record<string, unknown>

/** A daemon as a process of its own. */
export class DaemonProcess {
  readonly said: Said[] = []
  readonly process: ChildProcess
  exitCode: number | null = null
  signal: string | null = null
  stderr = ''
  #isOver = false

  constructor(plan: DaemonPlan, env: NodeJS.ProcessEnv = {}, before: readonly string[] = []) {
    const words = [...before, process.execPath, PROGRAM]
    const own = { ...process.env, NOTIFY_SOCKET: undefined, ...env, DAEMON_PLAN: JSON.stringify(plan) }
    this.process = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: own })
    createInterface({ input: this.process.stdout! }).on('line', (line) => this.said.push(JSON.parse(line) as Said))
    this.process.stderr!.on('data', (chunk) => {
      this.stderr += chunk
    })
    this.process.once('close', (code, signal) => {
      this.exitCode = code
      this.signal = signal
      this.#isOver = true
    })
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  get pid(): number {
    return this.process.pid!
  }

  /** What it said with this word in it. */
  all(word: string): Said[] {
    return this.said.filter((said) => word in said)
  }

  async says(word: string, times = 1): Promise<Said> {
    await until(`it says ${word}`, () => this.all(word).length >= times || this.#isOver, 20_000)
    const said = this.all(word)[times - 1]
    if (said === undefined) throw new Error(`it did not say ${word}: ${JSON.stringify(this.said)} ${this.stderr}`)
    return said
  }

  async ends(): Promise<void> {
    await until('it ends', () => this.#isOver, 20_000)
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }
}
