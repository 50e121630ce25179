import { expect } from 'vitest'

/** An event of a trace, as the Trace Event Format has them. */
export interface TraceEvent {
  readonly name: string
  readonly cat?: string
  readonly ph: 'X' | 'M'
  readonly pid: number
  readonly tid?: number
  readonly ts?: number
  readonly dur?: number
  readonly cname?: string
  readonly args: Record<string, unknown>
}

export interface Trace {
  readonly traceEvents: readonly TraceEvent[]
  readonly otherData: object
}

/** Fields that an event of this phase must have, and may have. */
const FIELDS = {
  X: { must: ['name', 'cat', 'ph', 'ts', 'dur', 'pid', 'tid', 'args'], may: ['cname'] },
  M: { must: ['name', 'ph', 'pid', 'args'], may: ['tid'] },
} as const
/** What metadata is called, and the argument it has. */
const METADATA: Readonly<Record<string, string>> = {
  process_name: 'name',
  thread_name: 'name',
  thread_sort_index: 'sort_index',
}
/** Of the colors that have a name in the format, those that are used. */
const COLORS = ['good', 'bad', 'terrible']

/** Holds a trace against the Trace Event Format, in its form as an object: the phases X and M of it, and nothing else. */
export function checkFormat(trace: Trace): void {
  expect(Object.keys(trace).sort()).toEqual(['displayTimeUnit', 'otherData', 'traceEvents'])
  expect(trace).toMatchObject({ displayTimeUnit: 'ms' })
  for (const event of trace.traceEvents) checkEvent(event)
  checkThreads(trace.traceEvents)
}

function checkEvent(event: TraceEvent): void {
  const { must, may } = FIELDS[event.ph]
  const names = Object.keys(event)
  expect(must.filter((name) => !names.includes(name))).toEqual([])
  expect(names.filter((name) => ![...must, ...may].includes(name as never))).toEqual([])
  expect(typeof event.name).toBe('string')
  for (const id of [event.pid, event.tid ?? 1]) expect(Number.isSafeInteger(id) && id > 0).toBe(true)
  if (event.ph === 'M') {
    const argument = METADATA[event.name]!
    expect(Object.keys(event.args)).toEqual([argument])
    expect(typeof event.args[argument]).toBe(argument === 'name' ? 'string' : 'number')
  } else {
    // Microseconds; whole ones, so that no viewer has to round.
    for (const time of [event.ts!, event.dur!]) expect(Number.isSafeInteger(time) && time >= 0).toBe(true)
    if (event.cname !== undefined) expect(COLORS).toContain(event.cname)
  }
}

/** What overlaps on a thread without lying within each other is shown wrongly, and what lies within is taken for a call. */
function checkThreads(events: readonly TraceEvent[]): void {
  const threads = new Map<string, TraceEvent[]>()
  for (const event of events) {
    if (event.ph !== 'X') continue
    const thread = `${event.pid} ${event.tid}`
    threads.set(thread, [...(threads.get(thread) ?? []), event])
  }
  const named = (name: string) =>
    events.filter((event) => event.name === name && event.ph === 'M').map(({ pid, tid }) => `${pid} ${tid}`)
  for (const what of ['thread_name', 'thread_sort_index'])
    expect(named(what).sort()).toEqual([...threads.keys()].sort())
  const processes = [...new Set([...threads.keys()].map((thread) => `${thread.split(' ')[0]} undefined`))]
  expect(named('process_name').sort()).toEqual(processes.sort())
  for (const slices of threads.values()) {
    const sorted = slices.toSorted((a, b) => a.ts! - b.ts! || a.dur! - b.dur!)
    for (const [n, { ts }] of sorted.entries())
      if (n > 0) expect(ts).toBeGreaterThanOrEqual(sorted[n - 1]!.ts! + sorted[n - 1]!.dur!)
  }
}
