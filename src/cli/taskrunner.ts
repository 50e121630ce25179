import { runTaskRunner, TaskRunnerError, taskRunnerRequest } from '../compat/task-runner.js'
import { FdWriter } from '../output/fd-writer.js'
import { brokenEnding, type Ending } from './exit.js'
import { printErr } from './print.js'
import { type SignalWatch, watchSignals } from './signals.js'

/** Does what TaskRunner.php's inner process does; a fatal error is one line of JSON, and status 1. */
export async function taskRunner(words: readonly string[]): Promise<Ending> {
  let brokenBy: NodeJS.ErrnoException | null = null
  let signals: SignalWatch | null = null
  let halt = () => {}
  const stdout = new FdWriter(1, {
    onBroken: (error) => {
      brokenBy = error
      halt()
    },
  })
  try {
    await runTaskRunner(
      taskRunnerRequest(words),
      (text) => stdout.write(text),
      (run) => {
        signals = watchSignals(run, (message) => printErr(`drover: ${message}\n`))
        halt = () => run.halt('now', { code: 'EPIPE', message: 'standard output cannot be written to' })
      },
    )
  } catch (error) {
    if (!(error instanceof TaskRunnerError)) throw error
    await stdout.write(`${JSON.stringify({ error: error.message })}\n`)
    await stdout.flush()
    return { status: 1 }
  }
  await stdout.flush()
  const endedBy = (signals as SignalWatch | null)?.endedBy ?? null
  return endedBy === null ? (brokenEnding(brokenBy) ?? { status: 0 }) : { signal: endedBy }
}
