import { RESULT_STATES } from '../task/result.js'
import type { ReportRow, RowDetail } from './rows.js'
import { VarintReader, VarintWriter } from './varints.js'

/** What is text in a chunk: a column each, and what few rows have by their places. */
interface ChunkText {
  readonly ids: (string | null)[]
  readonly commands: string[]
  readonly hosts: string[]
  readonly details: [place: number, detail: RowDetail][]
}

const ATTEMPT = 16

/**
 * Rows as few bytes: numbers column by column, as the difference to the row before where that is small, and then the texts as JSON.
 * Compressed it is about 15 bytes a row.
 */
export function encodeChunk(rows: readonly ReportRow[]): Uint8Array {
  const numbers = new VarintWriter()
  const hosts = new Map<string, number>()
  const text: ChunkText = { ids: [], commands: [], hosts: [], details: [] }
  numbers.write(rows.length)
  for (const row of rows) numbers.write(RESULT_STATES.indexOf(row.state) + (row.isAttempt ? ATTEMPT : 0))
  writeDifferences(numbers, rows, (row) => row.index)
  for (const row of rows) numbers.write(row.run)
  for (const row of rows) numbers.write(row.startMs === null ? 0 : 1)
  writeDifferences(numbers, rows, (row) => row.startMs)
  for (const row of rows) numbers.write(Math.round(row.durationMs * 1_000))
  for (const row of rows) numbers.writeOrNull(tenths(row.cpuUserMs))
  for (const row of rows) numbers.writeOrNull(tenths(row.cpuSystemMs))
  for (const row of rows) numbers.writeOrNull(row.maxRssKib)
  for (const row of rows) numbers.writeOrNull(row.exitCode)
  for (const row of rows) numbers.write(row.attempt)
  for (const row of rows) numbers.write(row.attempts)
  for (const row of rows) {
    const known = hosts.get(row.host)
    if (known === undefined) hosts.set(row.host, hosts.size)
    numbers.write(known ?? hosts.size - 1)
  }
  for (const [place, row] of rows.entries()) {
    text.ids.push(row.id)
    text.commands.push(row.command)
    if (row.detail !== null) text.details.push([place, row.detail])
  }
  text.hosts.push(...hosts.keys())
  const json = new TextEncoder().encode(JSON.stringify(text))
  const bytes = new Uint8Array(numbers.bytes.length + json.length)
  bytes.set(numbers.bytes)
  bytes.set(json, numbers.bytes.length)
  return bytes
}

/** The rows of {@link encodeChunk}. @throws RangeError or SyntaxError when the bytes are something else. */
export function decodeChunk(bytes: Uint8Array): ReportRow[] {
  const numbers = new VarintReader(bytes)
  const count = numbers.read()
  const column = <Value>(read: () => Value): Value[] => Array.from({ length: count }, read)
  const kinds = column(() => numbers.read())
  const indexes = readDifferences(
    numbers,
    kinds.map(() => true),
  ) as number[]
  const runs = column(() => numbers.read())
  const wasStarted = column(() => numbers.read() === 1)
  const starts = readDifferences(numbers, wasStarted)
  const durations = column(() => numbers.read() / 1_000)
  const cpuUser = column(() => fromTenths(numbers.readOrNull()))
  const cpuSystem = column(() => fromTenths(numbers.readOrNull()))
  const rss = column(() => numbers.readOrNull())
  const exitCodes = column(() => numbers.readOrNull())
  const attempt = column(() => numbers.read())
  const attempts = column(() => numbers.read())
  const hosts = column(() => numbers.read())
  const text = JSON.parse(new TextDecoder().decode(numbers.rest)) as ChunkText
  const details = new Map(text.details)
  return kinds.map((kind, place) => ({
    isAttempt: kind >= ATTEMPT,
    state: RESULT_STATES[kind % ATTEMPT]!,
    run: runs[place]!,
    index: indexes[place]!,
    id: text.ids[place]!,
    command: text.commands[place]!,
    host: text.hosts[hosts[place]!]!,
    startMs: starts[place]!,
    durationMs: durations[place]!,
    cpuUserMs: cpuUser[place]!,
    cpuSystemMs: cpuSystem[place]!,
    maxRssKib: rss[place]!,
    exitCode: exitCodes[place]!,
    attempt: attempt[place]!,
    attempts: attempts[place]!,
    detail: details.get(place) ?? null,
  }))
}

function writeDifferences(
  numbers: VarintWriter,
  rows: readonly ReportRow[],
  read: (row: ReportRow) => number | null,
): void {
  let before = 0
  for (const row of rows) {
    const value = read(row)
    if (value === null) continue
    numbers.writeSigned(value - before)
    before = value
  }
}

function readDifferences(numbers: VarintReader, isThere: readonly boolean[]): (number | null)[] {
  let before = 0
  return isThere.map((there) => {
    if (!there) return null
    before += numbers.readSigned()
    return before
  })
}

function tenths(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10)
}

function fromTenths(value: number | null): number | null {
  return value === null ? null : value / 10
}
