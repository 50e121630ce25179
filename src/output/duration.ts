import { count } from './count.js'

/** Milliseconds as people read them: `0.8 s`, `41 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 9_950) return `${Number((ms / 1000).toFixed(1))} s`
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : formatLongDuration(ms)
}

/** The same from a minute on: in two units, the smaller one rounded. */
export function formatLongDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return inTwo(seconds, 60, 'min', 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 24 * 60) return inTwo(minutes, 60, 'h', 'min')
  return inTwo(Math.round(minutes / 60), 24, 'd', 'h')
}

function inTwo(amount: number, size: number, large: string, small: string): string {
  const rest = amount % size
  const whole = `${count(Math.floor(amount / size))} ${large}`
  return rest === 0 ? whole : `${whole} ${rest} ${small}`
}
