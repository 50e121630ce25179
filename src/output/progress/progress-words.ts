import { isFailure, RESULT_STATES, type Result, type ResultState } from '../../task/result.js'
import { count } from '../count.js'
import { formatDuration } from '../duration.js'
import type { ProgressState } from './progress-state.js'

type ByState = Readonly<Record<ResultState, number>>

/** As in `120 of 5,000 done, 3 failed, 8 running, 118/s, ETA 41 s`. */
export function progressText(state: ProgressState): string {
  const parts = [doneText(state)]
  if (state.failed > 0) parts.push(`${count(state.failed)} failed`)
  parts.push(`${count(state.running)} running`)
  const rate = shownRate(state)
  if (rate !== null) parts.push(rate)
  if (state.phase !== 'going') parts.push(state.phase)
  else if (state.total !== null) parts.push(etaText(state))
  return parts.join(', ')
}

/** As in `120 of 5,000 done`. */
export function doneText({ done, total }: Pick<ProgressState, 'done' | 'total'>): string {
  return total === null ? `${count(done)} done` : `${count(done)} of ${count(total)} done`
}

/** Longer than this is no estimate. */
const MOST_ETA_MS = 1_000 * 86_400_000

/** As in `ETA 41 s`; `ETA unknown` as long as it is. */
export function etaText({ etaMs }: Pick<ProgressState, 'etaMs'>): string {
  if (etaMs === null || etaMs > MOST_ETA_MS) return 'ETA unknown'
  return `ETA ${formatDuration(Math.max(1_000, Math.round(etaMs / 1_000) * 1_000))}`
}

/** As in `118/s`; what is slow by the minute or the hour, as in `12/min`. */
export function rateText(perSecond: number): string {
  if (perSecond >= 0.95) return `${short(perSecond)}/s`
  return perSecond * 60 >= 0.95 ? `${short(perSecond * 60)}/min` : `${short(perSecond * 3_600)}/h`
}

/** As {@link rateText}; null while there is none, be it that nothing may run and nothing does. */
export function shownRate({ ratePerSecond, phase, running }: ProgressState): string | null {
  if (ratePerSecond === null || ratePerSecond <= 0 || (phase === 'paused' && running === 0)) return null
  return rateText(ratePerSecond)
}

function short(number: number): string {
  return number < 9.95 ? String(Number(number.toFixed(1))) : count(Math.round(number))
}

export function failuresIn(byState: ByState): number {
  return RESULT_STATES.filter(isFailure).reduce((sum, state) => sum + byState[state], 0)
}

/** That a run was ended before all was done, and by what. */
export interface EarlyEnd {
  /** Tasks that were not even read, as far as their number is known. */
  readonly unread: number
  /** As in `halted by now,fail=1`; null where it is said elsewhere. */
  readonly why: string | null
}

const NOT_EARLY: EarlyEnd = { unread: 0, why: null }

/** How a run that took a while ended, as in `drover: 1,000 done, 3 failed in 12.3 s, 81/s`; without a newline. */
export function endedText(
  summary: {
    readonly total: number
    readonly byState: ByState
    readonly durationMs: number
  },
  early: EarlyEnd = NOT_EARLY,
): string {
  const { total, byState, durationMs } = summary
  const unfinished = byState.cancelled + byState.skipped
  const done = total - unfinished
  const parts = [`${count(done)} done`]
  for (const state of RESULT_STATES)
    if (state !== 'succeeded' && byState[state] > 0) parts.push(`${count(byState[state])} ${state}`)
  const rate = durationMs > 0 && done > 0 ? `, ${rateText((done / durationMs) * 1_000)}` : ''
  return `drover: ${parts.join(', ')} in ${formatDuration(durationMs)}${rate}${earlyText(early)}`
}

function earlyText({ unread, why }: EarlyEnd): string {
  const parts = [...(why === null ? [] : [why]), ...(unread > 0 ? [`${count(unread)} not started`] : [])]
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`
}

/** How a run ended, as in `drover: 5000 tasks: 4990 succeeded, 7 failed, 3 timed-out`; without a newline. */
export function summaryLine({ byState }: { readonly byState: ByState }, what = 'task', early = NOT_EARLY): string {
  const states = RESULT_STATES.filter((state) => byState[state] > 0)
  const sum = states.reduce((total, state) => total + byState[state], 0)
  const parts = states.map((state) => `${byState[state]} ${state}`)
  return `drover: ${sum} ${sum === 1 ? what : `${what}s`}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}${earlyText(early)}`
}

/** How a task ended, in as few words as can be: `exit 3`, `SIGSEGV`, `timed out after 2 s`, `not started: ENOENT`. */
export function endWords(
  result: Pick<Result<unknown>, 'state' | 'exitCode' | 'signal' | 'error' | 'durationMs'>,
): string {
  const { state, exitCode, signal, error, durationMs } = result
  switch (state) {
    case 'failed':
      return exitCode === null ? (error?.message ?? 'failed') : `exit ${exitCode}`
    case 'killed':
      return error === null ? (signal ?? 'killed') : `killed: ${error.message}`
    case 'timed-out':
      return `timed out after ${formatDuration(durationMs)}`
    case 'spawn-failed':
      return `not started: ${error === null || error.code.startsWith('ERR_') ? (error?.message ?? state) : error.code}`
    default:
      return error === null ? state : `${state}: ${error.message}`
  }
}
