import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { send } from './processes.mjs'

/** One drover of a trial, started with a mark in its environment that all its processes inherit. */
export class Invocation {
  /** @type {Promise<import('./types.d.ts').End>} */
  end
  /** Whether a fault has struck it, so that what ran may have been left undone. */
  isStruck = false
  hasEnded = false

  /**
   * @param {{ number: number, mark: string, folder: string, words: readonly string[], line?: string, log: string,
   *   env?: Readonly<Record<string, string>>, before: import('./types.d.ts').JournalState }} options
   */
  constructor({ number, mark, folder, words, line = 'exec "$@"', log, env, before }) {
    this.number = number
    this.mark = mark
    this.before = before
    this.log = log
    this.stdoutFile = join(folder, `stdout-${number}`)
    this.stderrFile = join(folder, `stderr-${number}`)
    this.startedMs = performance.now()
    const stdout = openSync(this.stdoutFile, 'a')
    const stderr = openSync(this.stderrFile, 'a')
    const { NODE_OPTIONS, DROVER_LAUNCHER, DROVER_TREE, ...own } = process.env
    const child = spawn('/bin/sh', ['-c', line, 'sh', ...words], {
      cwd: folder,
      stdio: ['ignore', stdout, stderr],
      env: { ...own, ...env, FAULT_MARK: mark, FAULT_LOG: log },
      detached: true,
    })
    closeSync(stdout)
    closeSync(stderr)
    this.pid = child.pid ?? 0
    this.end = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (status, signal) => {
        this.hasEnded = true
        resolve({ status, signal })
      })
    })
  }

  get stderr() {
    return readFileSync(this.stderrFile, 'utf8')
  }

  /** The whole lines that it has printed. */
  get announced() {
    const text = readFileSync(this.stdoutFile, 'utf8')
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1)
  }

  /** The names of the tasks that it has started, in order. */
  get started() {
    if (!existsSync(this.log)) return []
    const lines = readFileSync(this.log, 'utf8').split('\n').slice(0, -1)
    return lines
      .map((line) => line.split(' '))
      .filter(([, mark]) => mark === this.mark)
      .map(([name]) => String(name))
  }

  /**
   * @param {NodeJS.Signals} signal
   * @param {number} [pid] Of one of its processes; else of itself.
   * @returns {boolean} Whether it was in time.
   */
  strike(signal, pid = this.pid) {
    if (this.hasEnded || !send(pid, signal)) return false
    this.isStruck = true
    return true
  }
}
