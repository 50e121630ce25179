import { formatBytes, formatDuration, formatTime } from './format.js'
import { PAGE_STATES } from './states.js'
import type { TaskTable } from './task-table.js'

const SHORT = 160

/** How it ended, in few words: `exit 3`, `SIGKILL`, `ENOENT`. */
export function endWords(table: TaskTable, at: number): string {
  const { detail, exitCode } = table.rows[at]!
  if (detail?.signal !== undefined) return detail.signal
  if (exitCode !== null) return `exit ${exitCode}`
  return detail?.error?.code ?? ''
}

export function cpuWords(table: TaskTable, at: number): string {
  const { cpuUserMs, cpuSystemMs } = table.rows[at]!
  return cpuUserMs === null ? '' : formatDuration(cpuUserMs + (cpuSystemMs ?? 0))
}

export function memoryWords(table: TaskTable, at: number): string {
  const { maxRssKib } = table.rows[at]!
  return maxRssKib === null ? '' : formatBytes(maxRssKib * 1_024)
}

/** When it has started, since the beginning of all. */
export function startWords(table: TaskTable, at: number): string {
  const start = table.starts[at]!
  return Number.isNaN(start) ? 'never started' : `+${formatDuration(start - table.begin)}`
}

export function attemptWords(table: TaskTable, at: number): string {
  const { attempt, attempts, isAttempt } = table.rows[at]!
  if (attempts <= 1) return ''
  return `attempt ${attempt} of ${attempts}${isAttempt ? ', tried again' : ''}`
}

/** What is shown beside a bar, a line each; the first is its name. */
export function shortLines(table: TaskTable, at: number): string[] {
  const { command, host, detail } = table.rows[at]!
  const state = PAGE_STATES[table.states[at]!]!
  const used = [cpuWords(table, at), memoryWords(table, at)].filter(Boolean)
  return [
    table.nameOf(at),
    [state, endWords(table, at), attemptWords(table, at)].filter(Boolean).join(' · '),
    `${formatDuration(table.durations[at]!)}, from ${startWords(table, at)}`,
    used.length === 0 ? '' : `CPU ${used.join(', memory ')}`,
    table.hosts.length > 1 ? `on ${host}` : '',
    command.length > SHORT ? `${command.slice(0, SHORT)}…` : command,
    detail?.error?.message ?? '',
  ].filter((line) => line !== '')
}

/** All that is known, as pairs of words. */
export function longPairs(table: TaskTable, at: number): [name: string, value: string][] {
  const { command, host, index, detail } = table.rows[at]!
  const start = table.starts[at]!
  const pairs: [string, string][] = [
    ['State', [PAGE_STATES[table.states[at]!]!, endWords(table, at)].filter(Boolean).join(', ')],
    ['Error', detail?.error === undefined ? '' : `${detail.error.code}: ${detail.error.message}`],
    ['Command', command],
    ['Started', Number.isNaN(start) ? 'never' : `${formatTime(start)} (${startWords(table, at)})`],
    ['Took', formatDuration(table.durations[at]!)],
    ['CPU time', cpuWords(table, at)],
    ['Peak memory', memoryWords(table, at)],
    ['Attempt', attemptWords(table, at)],
    ['Number', `#${index + 1}`],
    ['Lane', table.laneOf[at]! < 0 ? '' : String(table.laneOf[at]! - table.laneGroups.indexOf(table.groups[at]!) + 1)],
    ['Host', host],
  ]
  return pairs.filter(([, value]) => value !== '')
}
