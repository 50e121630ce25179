import { readFileSync } from 'node:fs'
import { freemem } from 'node:os'
import type { PressureKind, Sample } from './policies.js'

/** What is to be looked at. */
export type Looks = Readonly<Record<keyof Sample, boolean>>

/** Looks at the machine. What cannot be read counts as nothing. */
export function lookAtMachine(looks: Looks): Sample {
  return {
    runnable: looks.runnable ? runnableOf(read('/proc/loadavg')) : null,
    availableBytes: looks.availableBytes ? (availableOf(read('/proc/meminfo')) ?? freemem()) : null,
    pressure: looks.pressure
      ? {
          cpu: pressureOf(read('/proc/pressure/cpu')),
          memory: pressureOf(read('/proc/pressure/memory')),
          io: pressureOf(read('/proc/pressure/io')),
        }
      : null,
  }
}

/** Why one of them cannot be looked at here; null when it can. */
export function problemOfLook(look: keyof Sample): string | null {
  if (look === 'availableBytes') return null
  const path = look === 'runnable' ? '/proc/loadavg' : '/proc/pressure/cpu'
  if (read(path) !== '') return null
  return look === 'runnable'
    ? `there is no ${path} here, which only Linux has`
    : `there is no ${path} here: a kernel with pressure stall information is needed, and psi=1 where it is switched off`
}

/** From `/proc/loadavg`: "0.20 0.18 0.12 3/80 11206", of which 3 are the threads that run, the one that reads it among them. */
export function runnableOf(text: string): number {
  const running = Number(/ (\d+)\/\d+ /.exec(text)?.[1])
  return Math.max(0, (running || 1) - 1)
}

/** From `/proc/meminfo`: what can be had without swapping, in bytes; null where it is not told. */
export function availableOf(text: string): number | null {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}

/** From `/proc/pressure/…`: "some avg10=1.53 avg60=…", the percentage of the last ten seconds. */
export function pressureOf(text: string): number {
  return Number(/^some avg10=([\d.]+)/m.exec(text)?.[1] ?? 0)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

export const PRESSURE_KINDS: readonly PressureKind[] = ['cpu', 'memory', 'io']
