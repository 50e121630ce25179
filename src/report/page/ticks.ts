const MS = 1
const S = 1_000
const MIN = 60 * S
const H = 60 * MIN
const DAY = 24 * H
const STEPS = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * MS),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * S),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MIN),
  ...[1, 2, 3, 6, 12].map((n) => n * H),
  ...[1, 2, 5, 10, 20, 50, 100].map((n) => n * DAY),
]

/** A step between marks of an axis of time that people count in, so that there are no more than so many marks. */
export function tickStep(span: number, most: number): number {
  return STEPS.find((step) => span / step <= most) ?? STEPS.at(-1)!
}

/** A time since the beginning, as precise as marks so far apart need it: `1.5 s`, `2:05 min`, `3:20 h`, `2 d 6 h`. */
export function formatTick(ms: number, step: number): string {
  const rounded = Math.round(ms / step) * step
  if (rounded === 0) return '0'
  if (step < 1 && rounded < S) return `${Number(rounded.toFixed(3))} ms`
  if (rounded < S && step < S) return `${Number(rounded.toFixed(3))} ms`
  if (rounded < MIN || step < S) return `${decimal(rounded / S, step / S)} s`
  const [large, unit, size] = rounded < H ? ([MIN, 'min', S] as const) : ([H, 'h', MIN] as const)
  if (rounded >= DAY && step >= H) {
    const hours = Math.round((rounded % DAY) / H)
    return `${Math.floor(rounded / DAY)} d${hours === 0 ? '' : ` ${hours} h`}`
  }
  const rest = Math.round((rounded % large) / size)
  return `${Math.floor(rounded / large)}${step % large === 0 && rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`} ${unit}`
}

function decimal(value: number, step: number): string {
  return value.toFixed(Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9))))
}
