import type { Attempt, Result } from '../task/result.js'
import { commandText } from '../task/task.js'
import { packLanes } from './lanes.js'
import type { PieceWriter, ReportSource, Written } from './make-report.js'

const BEGINNING = '{"otherData":{"generator":"drover"'
/** Characters of a command. */
const MOST_COMMAND = 1_000

/** Whether a file begins as those that {@link writeTrace} writes. */
export function isTrace(beginning: string): boolean {
  return beginning.startsWith(BEGINNING)
}

/**
 * Writes Chrome trace events: a process for each host, a thread for each lane, and a complete event for each result and attempt that was
 * started. Times are microseconds since the first start.
 */
export async function writeTrace(source: ReportSource, write: PieceWriter): Promise<Written> {
  const times = await timesOf(source)
  const { laneOf, counts } = packLanes(times.starts, times.durations, times.groups)
  const origin = times.origin ?? 0
  const about = {
    source: source.name,
    startedAt: new Date(origin).toISOString(),
    runs: source.records.runs.map(({ run }) => run),
  }
  await write(`${BEGINNING},${JSON.stringify(about).slice(1)},"displayTimeUnit":"ms","traceEvents":[\n`)
  await write(
    namesOf(times.hosts, counts)
      .map((event) => JSON.stringify(event))
      .join(',\n'),
  )
  const written = { results: 0, attempts: 0 }
  let place = 0
  for await (const chosen of source.records.chosen()) {
    let text = ''
    for (const { record } of chosen) {
      written[record.type === 'result' ? 'results' : 'attempts'] += 1
      const lane = laneOf[place]!
      if (lane !== -1)
        text += `,\n${JSON.stringify(eventOf(record, { pid: times.groups[place]! + 1, tid: lane + 1, ts: (times.starts[place]! - origin) * 1_000 }))}`
      place += 1
    }
    if (!(await write(text))) return written
  }
  await write('\n]}\n')
  return written
}

interface Times {
  readonly starts: readonly number[]
  readonly durations: readonly number[]
  /** The place of each one's host. */
  readonly groups: readonly number[]
  readonly hosts: readonly string[]
  readonly origin: number | null
}

async function timesOf({ records }: ReportSource): Promise<Times> {
  const starts: number[] = []
  const durations: number[] = []
  const groups: number[] = []
  const hosts = new Map<string, number>()
  let origin: number | null = null
  for await (const chosen of records.chosen()) {
    for (const { record } of chosen) {
      const start = record.startedAt === null ? Number.NaN : Date.parse(record.startedAt)
      if (!hosts.has(record.host)) hosts.set(record.host, hosts.size)
      starts.push(start)
      durations.push(record.durationMs)
      groups.push(hosts.get(record.host)!)
      if (start < (origin ?? Number.POSITIVE_INFINITY)) origin = start
    }
  }
  return { starts, durations, groups, hosts: [...hosts.keys()], origin }
}

/** Metadata: what processes and threads are called, and that threads are shown by number. */
function namesOf(hosts: readonly string[], counts: readonly number[]): object[] {
  return counts.flatMap((lanes, group) => {
    if (lanes === 0) return []
    const pid = group + 1
    const threads = Array.from({ length: lanes }, (_, lane) => [
      { name: 'thread_name', ph: 'M', pid, tid: lane + 1, args: { name: `lane ${lane + 1}` } },
      { name: 'thread_sort_index', ph: 'M', pid, tid: lane + 1, args: { sort_index: lane + 1 } },
    ])
    return [{ name: 'process_name', ph: 'M', pid, args: { name: hosts[group] } }, ...threads.flat()]
  })
}

/** Of the names that trace viewers know: good, bad and terrible; no others mean anything in all of them. */
const COLORS: Partial<Record<Result['state'], string>> = {
  succeeded: 'good',
  failed: 'terrible',
  'timed-out': 'bad',
  killed: 'terrible',
  'spawn-failed': 'terrible',
}

function eventOf(record: Result | Attempt, place: { pid: number; tid: number; ts: number }): object {
  const { command, args, state, error } = record
  const text = command === null ? '' : commandText(args === null ? { command } : { command, args })
  const color = COLORS[state]
  return {
    name: record.id ?? `#${record.index + 1}`,
    cat: record.type,
    ph: 'X',
    ...place,
    dur: Math.round(record.durationMs * 1_000),
    ...(color !== undefined && { cname: color }),
    args: {
      state,
      exitCode: record.exitCode,
      ...(record.signal !== null && { signal: record.signal }),
      ...(error !== null && { error: `${error.code}: ${error.message}` }),
      command: text.length > MOST_COMMAND ? `${text.slice(0, MOST_COMMAND)}…` : text,
      attempt: record.attempt,
      attempts: record.attempts,
      queuedMs: record.queuedMs,
      cpuUserMs: record.cpuUserMs,
      cpuSystemMs: record.cpuSystemMs,
      maxRssBytes: record.maxRssBytes,
      pid: record.pid,
      run: record.run,
    },
  }
}
