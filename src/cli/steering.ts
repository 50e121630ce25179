import { findRun, liveRuns, type SilentRun } from '../control/find-runs.js'
import type { LiveRun } from '../control/protocol.js'
import type { LiveTask } from '../dispatch/steering.js'
import { formatDuration } from '../output/duration.js'
import { FdWriter } from '../output/fd-writer.js'
import { printable, printableLine } from '../output/printable.js'
import { cutText, padText, textWidth } from '../output/text-width.js'
import { OptionError } from '../task/errors.js'
import { isFailure, RESULT_STATES } from '../task/result.js'
import { commandText } from '../task/task.js'
import { brokenEnding, type Ending } from './exit.js'
import { printOut } from './print.js'
import { parseJobs } from './values.js'

/** Prints what goes on. */
export async function printRuns({ tasks, json }: { tasks: boolean; json: boolean }): Promise<void> {
  const runs = await liveRuns({ tasks })
  if (json) return printOut(`${JSON.stringify(runs)}\n`)
  if (runs.length === 0) return printOut('nothing goes on\n')
  printOut(tableOf(runs, process.stdout.isTTY ? (process.stdout.columns ?? 80) : null))
}

const HEADINGS = ['RUN', 'PID', 'STATE', 'JOBS', 'RUNNING', 'DONE', 'FAILED', 'LEFT', 'COMMAND']
const NUMBERS = new Set(['PID', 'JOBS', 'RUNNING', 'DONE', 'FAILED', 'LEFT'])

function tableOf(runs: readonly (LiveRun | SilentRun)[], columns: number | null): string {
  const rows = runs.map(rowOf)
  const widths = HEADINGS.map((heading, n) => Math.max(...[heading, ...rows.map((row) => row[n]!)].map(textWidth)))
  const lineOf = (cells: readonly string[]) =>
    cut(
      cells
        .map((cell, n) => (NUMBERS.has(HEADINGS[n]!) ? cell.padStart(widths[n]!) : padText(cell, widths[n]!)))
        .join('  '),
      columns,
    )
  const lines = [lineOf(HEADINGS)]
  for (const [n, run] of runs.entries()) {
    lines.push(lineOf(rows[n]!))
    if ('tasks' in run) lines.push(...taskLines(run.tasks ?? [], columns))
  }
  return `${lines.join('\n')}\n`
}

function rowOf(run: LiveRun | SilentRun): string[] {
  if ('silent' in run) return [run.run, '-', 'no answer', '-', '-', '-', '-', '-', '-']
  const { pid, kind, paused, jobs, progress, command } = run
  const { total, running, done, alreadyDone, byState, etaMs } = progress
  const failed = RESULT_STATES.filter(isFailure).reduce((sum, state) => sum + byState[state], 0)
  return [
    run.run,
    String(pid),
    `${kind}${paused ? ', paused' : ''}`,
    jobs === null ? '-' : String(jobs),
    String(running),
    total === null ? String(done) : `${done + alreadyDone}/${total}`,
    String(failed),
    etaMs === null || paused ? '-' : formatDuration(etaMs),
    printableLine(commandText({ command: command[0] ?? '', args: command.slice(1) })),
  ]
}

function taskLines(tasks: readonly LiveTask[], columns: number | null): string[] {
  const nameOf = ({ id, index }: LiveTask) => printableLine(id ?? String(index + 1))
  const width = Math.max(0, ...tasks.map((task) => textWidth(nameOf(task))))
  return tasks.map((task) => {
    const attempt = task.attempts > 1 ? `  try ${task.attempt} of ${task.attempts}` : ''
    const since = task.state === 'waiting' ? 'waits' : formatDuration(task.durationMs)
    const pid = String(task.pid ?? '-').padStart(7)
    return cut(
      `  ${padText(nameOf(task), width)}  ${pid}  ${since.padStart(8)}${attempt}  ${printableLine(task.command)}`,
      columns,
    )
  })
}

function cut(line: string, columns: number | null): string {
  const trimmed = line.trimEnd()
  return columns === null ? trimmed : cutText(trimmed, columns)
}

/** Prints what a task prints, to where it prints it, until its attempt has ended. */
export async function tailTask(run: string, task: string, json: boolean): Promise<Ending> {
  const tail = await (await findRun(run)).tail(task)
  let brokenBy: NodeJS.ErrnoException | null = null
  const onBroken = (error: NodeJS.ErrnoException) => {
    brokenBy ??= error
    tail.close()
  }
  const writers = { stdout: new FdWriter(1, { onBroken }), stderr: new FdWriter(2, { onBroken }) }
  const say = (message: string) => void writers.stderr.write(`drover: ${printable(message)}\n`)
  const before = tail.droppedBytes
  if (before > 0 && !json) say(`${before.toLocaleString('en')} bytes came before this and are not kept`)
  for await (const { stream, chunk } of tail) {
    if (json) await writers.stdout.write(`${JSON.stringify({ stream, base64: chunk.toString('base64') })}\n`)
    else await writers[stream].write(chunk)
  }
  const { end, droppedBytes } = tail
  if (json) await writers.stdout.write(`${JSON.stringify({ end, droppedBytes })}\n`)
  else {
    if (droppedBytes > before)
      say(
        `${(droppedBytes - before).toLocaleString('en')} bytes were left out, as they came faster than they were read`,
      )
    if (brokenBy === null) say(end === 'gone' ? 'the run has ended' : `the task has ended: ${end}`)
  }
  await writers.stdout.flush()
  await writers.stderr.flush()
  return brokenEnding(brokenBy) ?? { status: 0 }
}

/** Changes how many tasks of a run go at once. */
export async function setJobs(run: string, words: string): Promise<void> {
  const jobs = parseJobs(words, undefined, 'N')
  if (!Number.isFinite(jobs)) throw new OptionError('N: expected at least 1; to let nothing start, use drover pause')
  await (await findRun(run)).setJobs(jobs)
}
