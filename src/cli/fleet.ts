import { cancel } from '../fleet/cancel.js'
import { limit } from '../fleet/limits.js'
import { type FleetStatus, type QueueLimits, status } from '../fleet/status.js'
import { printable } from '../output/printable.js'
import { OptionError } from '../task/errors.js'
import type { LimitWords } from './fleet-commands.js'
import { printOut } from './print.js'
import { withHeldQueue } from './queue-address.js'
import type { QueueWords } from './run-words.js'
import { parseCount, parseDuration } from './values.js'

/** Running tasks that are listed for people. */
const MOST_LISTED = 30

export async function printStatus(run: string | undefined, words: QueueWords & { json?: true }): Promise<void> {
  const found = await withHeldQueue(words, (queue) => status({ queue, run }))
  printOut(words.json === true ? `${JSON.stringify(found)}\n` : statusText(found))
}

/** @param words - `RUN` or `RUN/TASK`. */
export async function cancelTasks(words: string, queue: QueueWords): Promise<void> {
  const slash = words.indexOf('/')
  const [run, task] = slash === -1 ? [words, undefined] : [words.slice(0, slash), words.slice(slash + 1)]
  const { running } = await withHeldQueue(queue, (address) => cancel({ queue: address, run, task }))
  printOut(`${count(running, 'running task')} told to end; what waits is skipped\n`)
}

export async function limitQueue(words: QueueWords & LimitWords): Promise<void> {
  const { jobs, rate } = words
  const wanted = {
    tag: words.tag,
    concurrency: jobs === undefined ? undefined : jobs === 'none' ? null : parseCount('--jobs', jobs, 1),
    rate: rate === undefined ? undefined : rate === 'none' ? null : parseRate(rate),
  }
  const limits = await withHeldQueue(words, (queue) => limit({ queue, ...wanted }))
  printOut(words.json === true ? `${JSON.stringify(limits)}\n` : limitsText(limits))
}

function parseRate(words: string): { max: number; perMs: number } {
  const match = /^(\d+)\/(.+)$/.exec(words)
  if (match === null)
    throw new OptionError(`--rate: expected a rate such as 50/s or 1000/5m, not ${JSON.stringify(words)}`)
  const perMs = parseDuration('--rate', /^\d/.test(match[2]!) ? match[2]! : `1${match[2]!}`)
  if (perMs === 0) throw new OptionError('--rate: expected a time above 0')
  return { max: parseCount('--rate', match[1]!, 1), perMs }
}

function statusText({ queue, run, tasks, workers, running, cancelled, limits }: FleetStatus): string {
  const number = (value: number) => value.toLocaleString('en')
  const lines = [
    `${run === null ? `queue ${queue}` : `run ${run} in queue ${queue}`}: ${number(tasks.waiting)} waiting, ${number(tasks.running)} running, ${number(tasks.done)} done`,
    ...(limits.concurrency === null && limits.rate === null ? [] : [limitsText(limits).trimEnd()]),
    ...(workers.length === 0
      ? ['no workers']
      : workers.map((worker) => `worker ${worker.name}: ${worker.running} running`)),
    ...running
      .slice(0, MOST_LISTED)
      .map(
        (task) => `running ${task.run}/${task.id ?? task.key} on ${task.worker ?? 'a worker'} since ${task.takenAt}`,
      ),
    ...(running.length > MOST_LISTED ? [`and ${number(running.length - MOST_LISTED)} more`] : []),
    ...cancelled.map((mark) => `cancelled ${mark.task === null ? mark.run : `${mark.run}/${mark.task}`}`),
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function limitsText({ concurrency, rate }: QueueLimits): string {
  const jobs = concurrency === null ? 'any number at once' : `${concurrency} at once`
  const pace = rate === null ? 'at any rate' : `${rate.max} started in ${rate.perMs} ms`
  return `on all machines together: ${jobs}, ${pace}\n`
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`
}
