import { constants } from 'node:os'
import type { ChildExit } from '../port.js'
import { ExitFlag } from './wire.js'

/** What the notice of an exit carries. */
export interface ExitNotice {
  readonly flags: number
  readonly status: number
  readonly cpuUserMs: number
  readonly cpuSystemMs: number
  readonly maxRssBytes: number
  readonly durationMs: number
}

/** @param isRemote - whether it has run on another machine, so that its time is known only from there. */
export function exitOf(notice: ExitNotice, isRemote: boolean): ChildExit {
  const { flags, status, cpuUserMs, cpuSystemMs, maxRssBytes, durationMs } = notice
  const signal = status & 0x7f
  return {
    exitCode: signal === 0 ? (status >>> 8) & 0xff : null,
    signal: signal === 0 ? null : signalName(signal),
    cpuUserMs,
    cpuSystemMs,
    maxRssBytes,
    groupAlive: (flags & ExitFlag.groupAlive) !== 0,
    ...(isRemote && { durationMs }),
  }
}

const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))
const FIRST_REALTIME = 34

function signalName(number: number): string {
  return SIGNAL_NAMES.get(number) ?? `SIGRTMIN+${number - FIRST_REALTIME}`
}
