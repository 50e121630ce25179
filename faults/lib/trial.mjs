import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkAnnounced, checkOutcome, checkStarted, checkWritten, writtenIn } from './checks.mjs'
import { ordinary } from './ends.mjs'
import { Invocation } from './invocation.mjs'
import { doneIn, readJournal, statusOf } from './journal.mjs'
import { comesTrue, commandOf, marked, send } from './processes.mjs'
import { Random } from './random.mjs'
import { planTasks } from './tasks.mjs'

const GONE_DEADLINE_MS = 8_000
let marks = 0

/** Ends a trial that cannot go on; what is wrong has been counted. */
class Stopped extends Error {}

/** One trial of a fault: some tasks, a journal, and drovers that run them until all are done. */
export class Trial {
  /** @type {import('./types.d.ts').Faulty} */
  counts = { lost: 0, doubled: 0, leaked: 0, hangs: 0, wrongEnds: 0 }
  /** What went wrong, in words, with the number of the invocation. @type {string[]} */
  problems = []
  tried = 0
  /** @type {import('./types.d.ts').PlannedTask[]} */
  tasks = []
  /** @type {Invocation[]} */
  invocations = []
  /** @type {(() => void)[]} */
  #cleanups = []
  /** @type {Map<string, number>} */
  #excuses = new Map()

  /** @param {{ seed: string, program: string, deadlineMs: number }} options What is run, and how long any wait may take. */
  constructor({ seed, program, deadlineMs }) {
    this.program = program
    this.deadlineMs = deadlineMs
    this.random = new Random(seed)
    this.folder = mkdtempSync(join(tmpdir(), 'drover-fault-'))
    chmodSync(this.folder, 0o777)
    marks += 1
    this.mark = `${Date.now()}${process.pid}${String(marks).padStart(4, '0')}`
    this.journal = join(this.folder, 'journal/run.jsonl')
    mkdirSync(join(this.folder, 'journal'), { mode: 0o777 })
    this.log = join(this.folder, 'started')
  }

  /** @param {Parameters<typeof planTasks>[2]} options */
  plan(options) {
    this.tasks = planTasks(join(this.folder, 'tasks.jsonl'), this.random, options)
  }

  /**
   * Starts a drover on the tasks and the journal.
   *
   * @param {import('./types.d.ts').InvocationOptions} [options]
   */
  start({ args = [], journal = this.journal, ...options } = {}) {
    const number = this.invocations.length + 1
    const words = [process.execPath, this.program, 'run', '--tasks', join(this.folder, 'tasks.jsonl'), '--json']
    words.push('-j', String(this.random.whole(2, 5)), '--kill-grace', '200ms', '--journal', journal)
    words.push('--fsync', this.random.pick(['interval', 'interval', 'never', 'always']))
    if (number > 1 || this.random.chance(0.5)) words.push('--resume')
    const invocation = new Invocation({
      number,
      mark: `${this.mark}${String(number).padStart(2, '0')}`,
      folder: this.folder,
      log: this.log,
      words: [...words, ...args],
      before: readJournal(journal),
      ...options,
    })
    this.invocations.push(invocation)
    return invocation
  }

  /**
   * A moment at random: counted from the start of the program, or from when a task runs.
   *
   * @param {Invocation} invocation
   * @param {number} [mostMs]
   */
  async moment(invocation, mostMs = 500) {
    const early = this.random.chance(0.2)
    const ms = this.random.next() * (early ? 300 : mostMs)
    if (!early) await this.until(invocation, 'a task runs', () => invocation.started.length > 0)
    await Promise.race([sleep(ms), invocation.end])
  }

  /**
   * Waits until something holds or the invocation has ended; what takes too long is a hang.
   *
   * @param {Invocation} invocation
   * @param {string} what
   * @param {() => boolean} condition
   */
  async until(invocation, what, condition) {
    if (await comesTrue(() => invocation.hasEnded || condition(), this.deadlineMs)) return
    this.report(invocation, 'hangs', `waited ${this.deadlineMs} ms in vain until ${what}`)
    throw new Stopped()
  }

  /**
   * A signal to the invocation or to one of its processes.
   *
   * @param {Invocation} invocation
   * @param {NodeJS.Signals} signal
   * @param {number} [pid]
   */
  strike(invocation, signal, pid) {
    const inTime = invocation.strike(signal, pid)
    if (inTime) this.tried += 1
    return inTime
  }

  /**
   * The fault lies in the circumstances of this invocation.
   *
   * @param {Invocation} invocation
   */
  struck(invocation) {
    invocation.isStruck = true
    this.tried += 1
  }

  /**
   * Waits for the end of an invocation and checks all that must hold then.
   *
   * @param {Invocation} invocation
   * @param {import('./types.d.ts').Expectation} expectation
   * @param {import('./types.d.ts').SettleOptions} [options]
   */
  async settle(invocation, expectation, options = {}) {
    const { journal = this.journal, finishes = !invocation.isStruck, mayTear = false } = options
    const report = this.report.bind(this, invocation)
    await this.until(invocation, 'drover has ended', () => false)
    const ended = await invocation.end
    const tookMs = performance.now() - invocation.startedMs
    await this.#checkLeaks(invocation)
    const after = options.after ?? readJournal(journal)
    checkAnnounced(invocation.announced, after, report)
    checkStarted(invocation.started, invocation.before, report)
    checkWritten(invocation.before, after, { tookMs, mayTear }, report)
    const done = doneIn(after)
    for (const name of invocation.started) {
      if (done.has(name)) continue
      if (finishes) report('lost', `${name} ran undisturbed and has no result`)
      this.excuse(name)
    }
    const problem = expectation({
      ...(options.end?.() ?? ended),
      stderr: invocation.stderr,
      journal,
      failures: statusOf(writtenIn(invocation.before, after)),
      allDone: this.tasks.every(({ name }) => done.has(name)),
    })
    if (problem !== null) report('wrongEnds', problem)
  }

  /** A run of a task has come to nothing, or its result was taken away. @param {string} name */
  excuse(name) {
    this.#excuses.set(name, (this.#excuses.get(name) ?? 0) + 1)
  }

  /** Whether any task is still to be run. */
  get hasMore() {
    const done = doneIn(readJournal(this.journal))
    return this.tasks.some(({ name }) => !done.has(name))
  }

  /** Resumes undisturbed, and checks that in the end all is done. */
  async finish() {
    const last = this.start()
    await this.settle(last, ordinary)
    /** @type {Map<string, number>} */
    const runs = new Map()
    for (const name of this.invocations.flatMap(({ started }) => started)) runs.set(name, (runs.get(name) ?? 0) + 1)
    checkOutcome(this.tasks, readJournal(this.journal), runs, this.#excuses, this.report.bind(this, last))
  }

  /** @param {() => void} cleanup To be done when the trial is over, the last one first. */
  onClose(cleanup) {
    this.#cleanups.unshift(cleanup)
  }

  /**
   * @param {Invocation} invocation
   * @param {keyof import('./types.d.ts').Faulty} kind
   * @param {string} words
   * @param {number} [count]
   */
  report({ number }, kind, words, count = 1) {
    this.counts[kind] += count
    this.problems.push(`invocation ${number}: ${words}`)
  }

  /** @param {(trial: Trial) => Promise<void>} body */
  async run(body) {
    try {
      await body(this)
    } catch (error) {
      if (error instanceof Stopped) return
      this.counts.wrongEnds += 1
      this.problems.push(`the trial could not be made: ${error instanceof Error ? error.stack : error}`)
    }
  }

  /** Ends what is left and removes the folder, unless it is of interest. */
  close() {
    for (const pid of marked(this.mark)) send(pid, 'SIGKILL')
    for (const cleanup of this.#cleanups) cleanup()
    if (this.problems.length === 0) rmSync(this.folder, { recursive: true, force: true })
  }

  /** @param {Invocation} invocation */
  async #checkLeaks(invocation) {
    const { mark } = invocation
    // Twice, because a look at all processes can miss one that is being forked.
    const isGone = () => marked(mark).length === 0 && marked(mark).length === 0
    if (await comesTrue(isGone, Math.min(GONE_DEADLINE_MS, this.deadlineMs), 20)) return
    const left = marked(mark)
    const commands = left.map((pid) => `${pid} ${commandOf(pid)}`).join('; ')
    this.report(invocation, 'leaked', `still alive: ${commands}`, left.length)
    for (const pid of left) send(pid, 'SIGKILL')
  }
}
