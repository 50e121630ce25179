import type { ProgressState } from '../../../src/output/progress/progress-state.js'
import { RESULT_STATES, type ResultState } from '../../../src/task/result.js'

export function states(counts: Partial<Record<ResultState, number>> = {}): Record<ResultState, number> {
  const none = Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>
  return { ...none, ...counts }
}

/** A run in full swing. */
export function stateOf(fields: Partial<ProgressState> = {}): ProgressState {
  return {
    total: 2_300,
    done: 1_204,
    failed: 3,
    running: 8,
    queued: 1_088,
    ratePerSecond: 13.4,
    etaMs: 80_200,
    phase: 'going',
    longest: [
      { name: '#812', command: 'ffmpeg -i movie.mkv out.mp4', elapsedMs: 123_000, timesUsual: 12.3 },
      { name: '#1190', command: 'gzip -9 a.log', elapsedMs: 14_100, timesUsual: null },
    ],
    failures: [{ name: '#80', command: './crash --now', end: 'SIGSEGV', stderr: 'it went wrong\nin the end' }],
    notice: null,
    help: null,
    ...fields,
  }
}
