/** The frames between this adapter and the spawn server. `native/PROTOCOL.md` has them in words. */

export const PROTOCOL_VERSION = 10

/** Length of the payload (u32), type (u16), flags (u16), number (u32), all little-endian. */
export const HEADER_BYTES = 12

/** What the launcher takes for a frame; longer ones end the connection. */
export const FRAME_LIMIT = 64 * 1024 * 1024

export const Request = {
  start: 1,
  input: 2,
  inputEnd: 3,
  credit: 4,
  closeOutput: 5,
  signalTree: 6,
  signalScope: 7,
  environment: 8,
  close: 9,
  retire: 10,
  direct: 11,
  heartbeat: 12,
  places: 13,
  takeBack: 14,
  leave: 15,
  lock: 16,
  unlock: 17,
  widenInput: 18,
  jobserverOpen: 24,
  jobserverWant: 25,
  jobserverGive: 26,
  jobserverDrain: 27,
  jobserverClose: 28,
  datagram: 32,
  slotsTake: 40,
  slotsGive: 41,
} as const

export const Notice = {
  ready: 129,
  spawned: 130,
  failed: 131,
  output: 132,
  outputEnd: 133,
  exit: 134,
  inputAck: 135,
  inputClosed: 136,
  count: 137,
  counted: 138,
  inputFailed: 139,
  alive: 140,
  takenBack: 141,
  used: 142,
  locked: 144,
  lockFailed: 145,
  unlocked: 146,
  jobserverOpened: 152,
  tokens: 153,
  jobserverLost: 154,
  jobserverDrained: 155,
  jobserverClosed: 156,
  slotsTaken: 160,
  slotsFailed: 161,
  slotsGiven: 162,
} as const

/** Flags of a request `start`: it needs a place, and keeps that after its end, in any case or only when it has failed, until that is said. */
export const StartFlag = { placed: 1, keepsOnFailure: 2, keeps: 4 } as const

/** A flag of a request `direct`: this process has the pipes. */
export const DIRECT_TAKEN = 1

/** Flags of a request `lock`. */
export const LockFlag = { shared: 1, wait: 2 } as const

/** A flag of a request `jobserverOpen`. */
export const JOBSERVER_CREATE = 1

/** Flags of a notice `exit`. */
export const ExitFlag = { stdoutEnded: 1, stderrEnded: 2, groupAlive: 4 } as const

export const StreamKind = { null: 0, pipe: 1, inherit: 2, file: 3, append: 4, count: 5 } as const

/** Bits of what a start may ask for beyond the ordinary; the limits have one each, beginning with `limit`. */
export const StartOption = {
  nice: 1,
  limit: 2,
  descriptors: 64,
  groups: 128,
  ranges: 256,
  direct: 512,
  watch: 1024,
} as const

/** How a descriptor is opened. */
export const DescriptorMode = { read: 0, write: 1, readWrite: 2, append: 4 } as const

/** What a start failed at, in a notice `failed`. */
export const Step = {
  exec: 1,
  cwd: 2,
  stdin: 3,
  stdout: 4,
  stderr: 5,
  pipe: 6,
  fork: 7,
  prepare: 8,
  text: 9,
  nice: 10,
  /** And one more for each of the limits after the first. */
  limit: 11,
  /** And one more for each control group after the first. */
  group: 24,
  /** And one more for each descriptor after the first. */
  descriptor: 32,
} as const
