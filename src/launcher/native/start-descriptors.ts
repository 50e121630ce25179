import { readFileSync } from 'node:fs'
import type { DescriptorSpec, StartSpec } from '../port.js'
import { type FrameWriter, textBound } from './frame-writer.js'
import { DescriptorMode } from './wire.js'

/** A descriptor as the launcher is told of it. */
export interface OpenedDescriptor {
  readonly as: number
  readonly mode: number
  readonly path: string
}

const MODES = {
  read: DescriptorMode.read,
  write: DescriptorMode.write,
  'read-write': DescriptorMode.readWrite,
} as const

const NONE: readonly OpenedDescriptor[] = []

/** Of `open`, as in `/proc/self/fdinfo`. */
const ACCESS_MASK = 0o3
const APPEND = 0o2000

/**
 * What the launcher is to open for a child.
 *
 * @param locate - makes a path one that the launcher understands.
 * @throws an error with code EBADF for an inherited descriptor that is not open in this process.
 */
export function openedDescriptors(
  { descriptors }: StartSpec,
  locate: (path: string) => string,
): readonly OpenedDescriptor[] {
  if (descriptors === undefined) return NONE
  return descriptors.map((descriptor) => {
    const { as } = descriptor
    if (!('inherited' in descriptor)) return { as, mode: MODES[descriptor.mode], path: locate(descriptor.path) }
    const { inherited } = descriptor
    return { as, mode: modeOf(inherited), path: `/proc/${process.pid}/fd/${inherited}` }
  })
}

export function boundOfDescriptors(descriptors: readonly OpenedDescriptor[]): number {
  return descriptors.reduce((sum, { path }) => sum + 8 + textBound(path), 4)
}

export function writeDescriptors(writer: FrameWriter, descriptors: readonly OpenedDescriptor[]): void {
  writer.u32(descriptors.length)
  for (const { as, mode, path } of descriptors) {
    writer.u32(as)
    writer.u32(mode)
    writer.text(path)
  }
}

/** In the words of an error. */
export function nameOfDescriptor(descriptor: DescriptorSpec): string {
  const what = 'inherited' in descriptor ? `the inherited descriptor ${descriptor.inherited}` : descriptor.path
  return `${what} as descriptor ${descriptor.as}`
}

function modeOf(fd: number): number {
  let info: string
  try {
    info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  } catch {
    throw Object.assign(new Error(`descriptor ${fd} is not open in this process`), { code: 'EBADF' })
  }
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '', 8)
  return (flags & ACCESS_MASK) | (flags & APPEND ? DescriptorMode.append : 0)
}
