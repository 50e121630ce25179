import { u32, u64 } from './frame-reader.js'
import type { NativeChild } from './native-child.js'
import { Notice } from './wire.js'

/** Payloads may only get longer from one version to the next. */
const SHORTEST: Readonly<Record<number, number>> = {
  [Notice.ready]: 8,
  [Notice.spawned]: 4,
  [Notice.failed]: 8,
  [Notice.exit]: 32,
  [Notice.inputAck]: 4,
  [Notice.count]: 4,
  [Notice.counted]: 8,
  [Notice.inputFailed]: 4,
  [Notice.used]: 12,
  [Notice.lockFailed]: 8,
  [Notice.jobserverOpened]: 4,
  [Notice.jobserverLost]: 4,
  [Notice.slotsTaken]: 4,
  [Notice.slotsFailed]: 4,
}

/** By the flags of a notice `used`. */
const BEYOND = [null, 'bytes', 'processes'] as const

/** @throws Error when it is shorter than what is read of it. */
export function checkNotice(type: number, length: number): void {
  if (length < (SHORTEST[type] ?? 0)) throw new Error(`the launcher sent a notice ${type} of ${length} bytes`)
}

/** Hands a notice to the child that it is about. */
export function tellChild(
  child: NativeChild,
  type: number,
  flags: number,
  bytes: Buffer,
  at: number,
  length: number,
): void {
  switch (type) {
    case Notice.spawned:
      return child.handleSpawned(
        u32(bytes, at),
        length < 16 ? null : [u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12)],
      )
    case Notice.failed:
      return child.handleFailed(u32(bytes, at), u32(bytes, at + 4))
    case Notice.counted:
      return child.handleCounted(flags, u64(bytes, at))
    case Notice.outputEnd:
      return child.handleOutputEnd(flags)
    case Notice.exit:
      return child.handleExit({
        flags,
        status: u32(bytes, at),
        cpuUserMs: milliseconds(bytes, at + 4),
        cpuSystemMs: milliseconds(bytes, at + 12),
        maxRssBytes: u32(bytes, at + 20) * 1024,
        durationMs: milliseconds(bytes, at + 24),
      })
    case Notice.inputAck:
      return child.handleInputAck(u32(bytes, at))
    case Notice.inputClosed:
      return child.handleInputClosed()
    case Notice.takenBack:
      return child.handleTakenBack()
    case Notice.used:
      return child.handleUsed({
        bytes: u64(bytes, at),
        processes: u32(bytes, at + 8),
        beyond: BEYOND[flags] ?? null,
      })
    case Notice.inputFailed:
      return child.handleInputFailed(u32(bytes, at))
  }
}

function milliseconds(bytes: Buffer, at: number): number {
  return u64(bytes, at) / 1000
}
