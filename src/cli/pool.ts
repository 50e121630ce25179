import { type DispatchRun, dispatch } from '../dispatch/dispatch.js'
import { openMessages } from '../input/messages.js'
import type { OutputStream } from '../launcher/port.js'
import { AnswerForm } from '../output/answer-form.js'
import type { Printer } from '../output/printer.js'
import type { ShownJobs } from '../output/progress/progress-keys.js'
import { programCommand } from '../pool/check-pool-options.js'
import { ProcessPool } from '../pool/process-pool.js'
import type { LiveReport } from '../report/live/live-options.js'
import type { Result } from '../task/result.js'
import { displayText, type Task, type Text } from '../task/task.js'
import type { Ending } from './exit.js'
import { type Kept, openKept } from './keeping.js'
import { openLiveReport, shownIn } from './live-report.js'
import type { PoolRequest } from './pool-options.js'
import { printedRun } from './printed-run.js'
import { cancelHere, type SteeredRun } from './signals.js'

/**
 * Sends messages to workers that stay, and prints their answers, or results.
 *
 * @throws InputError, OptionError before anything was started; what drover itself could not go on for.
 */
export async function runPool(request: PoolRequest): Promise<Ending> {
  const kept = await openKept({ journal: request.journal, results: null, dryRun: false })
  try {
    const ending = await runWith(request, kept)
    await kept.close()
    return ending
  } finally {
    // After an error that one counts, and not what closing says.
    await kept.close().catch(() => {})
  }
}

async function runWith(request: PoolRequest, kept: Kept): Promise<Ending> {
  const { printing, program, args } = request
  const { form } = request.messages
  const { protocol } = request.pool
  const answers = new AnswerPrinting(request)
  let pool: ProcessPool<Buffer> | null = null
  let run: DispatchRun | null = null
  let live: LiveReport | null = null
  return printedRun({
    showing: request,
    journal: kept.journal,
    what: 'message',
    tellsFailed: true,
    begin: async (to) => {
      // All that can be wrong with the messages comes to light before a worker is started.
      const messages = await openMessages({ ...request.messages, command: programCommand(program, args) })
      live = request.report === null ? null : await openLiveReport(request.report)
      pool = args === undefined ? new ProcessPool(program, request.pool) : new ProcessPool(program, args, request.pool)
      pool.on('output', ({ chunk }) => to.complain(chunk))
      pool.on('warning', (message) => to.messages.say(message))
      run = dispatch(messages, {
        ...shownIn(live, { ...request.dispatch, ...kept.dispatch }),
        pool,
        ...(form === 'jsonl' && protocol === 'frames' && { messageOf: parsedMessage }),
        concurrency: pool.max * (request.pool.pipeline ?? 1),
        total: messages.total,
        // Only who is shown every result is helped by a `skipped` one for each message that a halt left unread.
        readRest: printing.json !== null && messages.total !== null,
        onWarning: (message) => to.messages.say(message),
        control: {
          kind: 'pool',
          cancel: cancelHere,
          jobs: { get: () => pool!.max, set: (jobs) => jobsOf(run!, pool!, request.pool.pipeline ?? 1).set(jobs) },
          onUnseen: (why) => to.messages.detail(why),
          onSteered: (what) => to.messages.say(what),
        },
        onAlreadyDone: (_task, { index }) => void to.printer.pass(index),
        beforeStart: (task, { index, attempt }) => {
          answers.noteMessage(index, task)
          if (request.verbose) to.messages.onStart(index, attempt, displayText(messageText(task)))
          return task
        },
      })
      live?.watch(run)
      return run
    },
    jobs: (made) => jobsOf(made, pool!, request.pool.pipeline ?? 1),
    steered: (made) => steeredBy(made, pool!, request.pool.pipeline ?? 1),
    print: (result, { printer }) => {
      if (result.error?.code === 'ERR_DROVER_WORKER_START') {
        run!.halt('soon', { code: 'ERR_DROVER_WORKER_START', message: 'not sent, since workers could not be started' })
      }
      return printing.json === null ? answers.print(result, printer) : printer.result(result)
    },
    finish: async () => {
      // Who was cancelled may still have a worker busy; that is not waited for.
      if (pool !== null && pool.stats().running > 0) await pool.destroy()
      else await pool?.close()
      await live?.close()
    },
  })
}

/** Messages are read as text, and none is a stream. */
function messageText({ stdin = '' }: Task): Text {
  return stdin as Text
}

function parsedMessage(task: Task): unknown {
  return JSON.parse(displayText(messageText(task)))
}

/** Prints answers as they were asked for, and what workers printed beside them to standard error. */
class AnswerPrinting {
  readonly #form: AnswerForm
  readonly #keepOrder: boolean
  /** Of messages that are under way, where answers are tagged with them. */
  readonly #labels: Map<number, string> | null
  readonly #printedIsAnswer: boolean

  constructor({ messages, pool, printing }: PoolRequest) {
    this.#form = new AnswerForm(messages.form, pool.protocol !== 'frames')
    this.#keepOrder = printing.keepOrder
    this.#labels = printing.tag ? new Map() : null
    this.#printedIsAnswer = pool.protocol !== 'frames'
  }

  noteMessage(index: number, task: Task): void {
    this.#labels?.set(index, displayText(messageText(task)))
  }

  async print(result: Result, printer: Printer): Promise<void> {
    const { index, attempt, state, value, stdout, stderr } = result
    const label = this.#labels?.get(index) ?? ''
    this.#labels?.delete(index)
    const print = (stream: OutputStream, chunk: string | Buffer) =>
      chunk.length === 0 ? undefined : printer.output({ index, attempt, stream, chunk: Buffer.from(chunk), label })
    if (state === 'succeeded') await print('stdout', this.#form.bytes(value))
    else if (this.#keepOrder) await print('stdout', this.#form.missing)
    if (!this.#printedIsAnswer) await print('stderr', stdout)
    await print('stderr', stderr)
    await printer.result(result)
  }
}

/** How many workers there are, which says how many messages are under way. */
function jobsOf(run: DispatchRun, pool: ProcessPool<Buffer>, pipeline: number): ShownJobs {
  return {
    get: () => pool.max,
    set: (count) => {
      pool.max = count
      run.concurrency = count * pipeline
    },
  }
}

/** A run whose workers are ended with it, and change in number with what runs at once. */
function steeredBy(run: DispatchRun, pool: ProcessPool<Buffer>, pipeline: number): SteeredRun {
  return {
    get concurrency() {
      return pool.max
    },
    set concurrency(count) {
      jobsOf(run, pool, pipeline).set(count)
    },
    progress: () => run.progress(),
    summary: () => run.summary(),
    halt: (when, reason) => {
      run.halt(when, reason)
      if (when === 'now') void pool.destroy()
    },
    destroy: (reason) => {
      run.destroy(reason)
      void pool.destroy({ graceMs: 0 })
    },
    suspend: () => run.suspend(),
    resume: () => run.resume(),
  }
}
