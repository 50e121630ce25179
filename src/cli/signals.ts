import type { DispatchRun } from '../dispatch/dispatch.js'

/** What signals have done to a run. */
export interface SignalWatch {
  /** The signal that ended the run, so that drover can die of it. */
  readonly endedBy: NodeJS.Signals | null
  /** The signal after which nothing more was started. */
  readonly drainedBy: NodeJS.Signals | null
  stop(): void
}

/** What signals do something to: a run, or one and what goes with it. */
export type SteeredRun = Pick<
  DispatchRun,
  'concurrency' | 'progress' | 'summary' | 'halt' | 'destroy' | 'suspend' | 'resume'
>

/** The terminal that the run is shown on. */
export interface ShownOn {
  /** Gives it back, since this process is stopped or dies. */
  rest(): Promise<void>
  /** The same at once. */
  restore(): void
  resume(): void
}

/**
 * Steers a run by signals: INT, TERM and QUIT end it (the second one at once), HUP lets what runs finish, USR1 and USR2 change
 * the number of jobs by one, TSTP and CONT stop and continue it with all its tasks.
 *
 * @param say - tells people what a signal does.
 * @param shownOn - the terminal that it is shown on, if it is.
 */
export function watchSignals(
  run: SteeredRun,
  say: (message: string) => void,
  shownOn: ShownOn | null = null,
): SignalWatch {
  let endedBy: NodeJS.Signals | null = null
  let drainedBy: NodeJS.Signals | null = null
  let times = 0
  let isStopping = false
  const die = (signal: NodeJS.Signals) => {
    shownOn?.restore()
    dieOf(signal)
  }
  const end = (signal: NodeJS.Signals) => {
    const reason = { code: 'ERR_DROVER_SIGNAL', message: `ended by ${signal}` }
    if (endedBy !== null) {
      times += 1
      if (times > 2) die(endedBy)
      run.destroy(reason)
      void dieWithoutPrinting(run, endedBy, die)
      return
    }
    endedBy = signal
    times = 1
    const { running } = run.progress()
    if (running > 0) say(`${signal}: ending ${running} running ${running === 1 ? 'task' : 'tasks'}; a second one kills`)
    run.halt('now', reason)
  }
  const handlers: Partial<Record<NodeJS.Signals, (signal: NodeJS.Signals) => void>> = {
    SIGINT: end,
    SIGTERM: end,
    SIGQUIT: end,
    SIGHUP: (signal) => {
      drainedBy ??= signal
      say(`${signal}: what runs is finished, nothing more is started`)
      run.halt('soon', { code: 'ERR_DROVER_SIGNAL', message: `not started after ${signal}` })
    },
    SIGUSR1: () => changeJobs(run, 1, say),
    SIGUSR2: () => changeJobs(run, -1, say),
    SIGTSTP: () => {
      isStopping = true
      void Promise.all([run.suspend(), shownOn?.rest()])
        .then(heardAll)
        .then(() => {
          // It may have been told to go on while its tasks were being stopped, and then nobody would tell it again.
          if (isStopping) process.kill(process.pid, 'SIGSTOP')
        })
    },
    SIGCONT: () => {
      isStopping = false
      run.resume()
      shownOn?.resume()
    },
  }
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal as NodeJS.Signals, handler)
  return {
    get endedBy() {
      return endedBy
    },
    get drainedBy() {
      return drainedBy
    },
    stop: () => {
      for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler)
    },
  }
}

/** Resolves when signals have been told that had come before: they are looked for once in each turn of the event loop. */
async function heardAll(): Promise<void> {
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
}

/** Ends this drover from within as SIGTERM does from without, also a second time. */
export function cancelHere(): void {
  process.kill(process.pid, 'SIGTERM')
}

/** How long results may take to be printed after the last process of a run that was ended twice is gone. */
const PRINTING_MS = 1_000

/** Whoever reads drover's output may have stopped to; that must not keep it alive. */
async function dieWithoutPrinting(
  run: SteeredRun,
  signal: NodeJS.Signals,
  die: (signal: NodeJS.Signals) => void,
): Promise<void> {
  await run.summary().catch(() => {})
  setTimeout(() => die(signal), PRINTING_MS).unref()
}

function changeJobs(run: SteeredRun, by: number, say: (message: string) => void): void {
  run.concurrency = Math.max(1, run.concurrency + by)
  say(`${run.concurrency} ${run.concurrency === 1 ? 'job' : 'jobs'} at once from now on`)
}

/** Ends this process by a signal, as if it had never been caught; a parent then sees what happened. */
export function dieOf(signal: NodeJS.Signals): never {
  // A listener that is removed leaves the default action, also where Node itself had ignored the signal.
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') process.on(signal, () => {})
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // Not reached but where the system delivers the signal late or not at all.
  return process.exit(102)
}
