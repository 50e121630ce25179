import { formatLongDuration } from '../../output/duration.js'

const numbers = new Intl.NumberFormat('en')
const clock = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })

export function formatCount(count: number): string {
  return numbers.format(count)
}

/** Three digits at the most: `0.42`, `1.24`, `12.4`, `124`, `1,240`. */
export function formatNumber(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)) + 1e-9))
  return numbers.format(Number(value.toFixed(Math.min(digits, 6))))
}

/** As people read it, with its unit: `1.2 ms`, `41 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms > 0 && ms < 0.9995) return `${formatNumber(ms * 1_000)} µs`
  if (ms < 999.5) return `${formatNumber(ms)} ms`
  if (ms < 59_950) return `${formatNumber(ms / 1_000)} s`
  return formatLongDuration(ms)
}

/** In powers of 1,024. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  for (; value >= 1_023.5 && unit < units.length - 1; unit++) value /= 1_024
  return `${formatNumber(value)} ${units[unit]}`
}

/** Date and time where the reader is; nothing for a time that is none. */
export function formatTime(ms: number): string {
  if (Number.isNaN(ms)) return ''
  return clock.format(ms)
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
