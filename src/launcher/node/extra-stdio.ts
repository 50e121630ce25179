import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { checkDescriptors } from '../descriptors.js'
import type { DescriptorSpec } from '../port.js'

const ACCESS = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
  'read-write': constants.O_RDWR,
} as const

/**
 * What follows the three streams in the `stdio` of `child_process`.
 *
 * @param opened - gets the descriptors that were opened here and are to be closed when the child has its own.
 * @throws OptionError, or the system's error when one cannot be opened.
 */
export function openExtraStdio(descriptors: readonly DescriptorSpec[], opened: number[]): (number | 'ignore')[] {
  checkDescriptors(descriptors)
  const last = descriptors.reduce((most, { as }) => Math.max(most, as), 2)
  const extra = new Array<number | 'ignore'>(last - 2).fill('ignore')
  for (const descriptor of descriptors) extra[descriptor.as - 3] = descriptorOf(descriptor, opened)
  return extra
}

function descriptorOf(descriptor: DescriptorSpec, opened: number[]): number {
  if ('inherited' in descriptor) {
    checkOpen(descriptor.inherited)
    return descriptor.inherited
  }
  const fd = openWithoutWaiting(descriptor.path, ACCESS[descriptor.mode])
  opened.push(fd)
  return fd
}

function checkOpen(fd: number): void {
  try {
    fstatSync(fd)
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { syscall: 'open', path: `the inherited descriptor ${fd}` })
  }
}

/** A named pipe is opened only while this process itself has the other end, so that nothing blocks the event loop. */
function openWithoutWaiting(path: string, access: number): number {
  if (access === constants.O_RDWR || !statSync(path).isFIFO()) return openSync(path, access)
  const held: number[] = []
  try {
    held.push(openSync(path, access | constants.O_NONBLOCK))
    if (access === constants.O_RDONLY) held.push(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK))
    return openSync(path, access)
  } finally {
    for (const fd of held) closeSync(fd)
  }
}
