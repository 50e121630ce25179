import { OptionError } from '../../task/errors.js'
import { checkDescriptors } from '../descriptors.js'
import type { ResourceLimits, StartSpec, TreeLimits } from '../port.js'
import { checkRanges } from '../ranges.js'
import type { FrameWriter } from './frame-writer.js'
import { StartOption } from './wire.js'

/** In the order of their bits, and with the words in which an error names them. */
export const LIMITS = [
  { name: 'cpuSeconds', words: 'limit of CPU seconds' },
  { name: 'fileSizeBytes', words: 'limit of the size of files' },
  { name: 'openFiles', words: 'limit of open files' },
  { name: 'coreBytes', words: 'limit of the size of core files' },
  { name: 'stackBytes', words: 'limit of the stack' },
] as const satisfies readonly { name: keyof ResourceLimits; words: string }[]

const MOST_GROUPS = 8

/** The most bytes that options but for the descriptors take in a frame. */
export const OPTIONS_BOUND = 4 + LIMITS.length * 8 + 12

/** @throws OptionError when a start asks for what cannot be. */
export function checkOptions({ nice, limits, treeLimits, descriptors, groups, stdin }: StartSpec): void {
  if (nice !== undefined && !(Number.isInteger(nice) && nice >= -20 && nice <= 19))
    throw new OptionError(`nice must be a whole number from -20 to 19, not ${nice}`)
  if (limits !== undefined) checkLimits(limits)
  if (treeLimits !== undefined) checkTreeLimits(treeLimits)
  if (descriptors !== undefined) checkDescriptors(descriptors)
  if (groups !== undefined && groups.length > MOST_GROUPS)
    throw new OptionError(`groups must be at most ${MOST_GROUPS}, not ${groups.length}`)
  if (stdin.from === 'file' && stdin.ranges !== undefined) checkRanges(stdin.ranges)
}

function checkLimits(limits: ResourceLimits): void {
  for (const { name } of LIMITS) {
    const value = limits[name]
    if (value === undefined || value === Number.POSITIVE_INFINITY) continue
    if (!Number.isSafeInteger(value) || value < 0)
      throw new OptionError(`limits.${name} must be a whole number from 0 on, or Infinity, not ${value}`)
  }
}

function checkTreeLimits({ bytes = 0, processes = 0 }: TreeLimits): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new OptionError(`treeLimits.bytes must be a whole number from 0 on, not ${bytes}`)
  if (!Number.isInteger(processes) || processes < 0 || processes > 0xffffffff)
    throw new OptionError(`treeLimits.processes must be a whole number from 0 to 4294967295, not ${processes}`)
}

/** Whether this process is to have the pipes by itself. */
export function isDirect({ direct, stdin, stdout, stderr }: StartSpec): boolean {
  return direct !== undefined && stdin.from === 'pipe' && stdout.to === 'pipe' && stderr.to === 'pipe'
}

/** The bits of the options that a start has. */
export function bitsOfOptions(spec: StartSpec): number {
  const { nice, limits, treeLimits, descriptors, groups, stdin } = spec
  let bits = nice === undefined || nice === 0 ? 0 : StartOption.nice
  if (descriptors !== undefined && descriptors.length > 0) bits |= StartOption.descriptors
  if (groups !== undefined && groups.length > 0) bits |= StartOption.groups
  if (stdin.from === 'file' && stdin.ranges !== undefined) bits |= StartOption.ranges
  if (isDirect(spec)) bits |= StartOption.direct
  if ((treeLimits?.bytes ?? 0) + (treeLimits?.processes ?? 0) > 0) bits |= StartOption.watch
  if (limits === undefined) return bits
  LIMITS.forEach(({ name }, n) => {
    if (limits[name] !== undefined) bits |= StartOption.limit << n
  })
  return bits
}

export function boundOfRanges({ stdin }: StartSpec): number {
  return stdin.from === 'file' && stdin.ranges !== undefined ? 4 + stdin.ranges.length * 16 : 0
}

/** They come after the groups. */
export function writeRanges(writer: FrameWriter, { stdin }: StartSpec): void {
  if (stdin.from !== 'file' || stdin.ranges === undefined) return
  writer.u32(stdin.ranges.length)
  for (const range of stdin.ranges) for (const place of range) writeU64(writer, place)
}

/** They come after the ranges. */
export function writeTreeLimits(writer: FrameWriter, bits: number, { treeLimits }: StartSpec): void {
  if ((bits & StartOption.watch) === 0) return
  writeU64(writer, treeLimits?.bytes ?? 0)
  writer.u32(treeLimits?.processes ?? 0)
}

/** Writes the values of the bits but for the descriptors, the groups, the ranges and the limits of the tree, which come last. */
export function writeOptions(writer: FrameWriter, bits: number, { nice, limits }: StartSpec): void {
  if (bits & StartOption.nice) writer.u32(nice!)
  LIMITS.forEach(({ name }, n) => {
    if (bits & (StartOption.limit << n)) writeLimit(writer, limits![name]!)
  })
}

function writeLimit(writer: FrameWriter, value: number): void {
  if (value !== Number.POSITIVE_INFINITY) return writeU64(writer, value)
  writer.u32(0xffffffff)
  writer.u32(0xffffffff)
}

function writeU64(writer: FrameWriter, value: number): void {
  writer.u32(value % 2 ** 32)
  writer.u32(Math.floor(value / 2 ** 32))
}
