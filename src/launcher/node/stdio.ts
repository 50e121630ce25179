import type { StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { OutputSpec, StartSpec } from '../port.js'
import { checkRanges } from '../ranges.js'
import { openExtraStdio } from './extra-stdio.js'
import { checkRegular } from './file-ranges.js'

/**
 * Turns what the port says of streams into what `child_process` takes. Files are opened here; `close` gives the
 * parent's descriptors back and must be called once the child has its own.
 *
 * @throws the system's error when a file cannot be opened; nothing stays open then.
 */
export function openStdio(spec: StartSpec): { stdio: StdioOptions; close: () => void } {
  const opened: number[] = []
  const close = () => {
    for (const fd of opened.splice(0)) closeSync(fd)
  }
  const open = (path: string, flags: string) => {
    const fd = openSync(path, flags, 0o600)
    opened.push(fd)
    return fd
  }
  const output = (where: OutputSpec) => {
    if (where.to === 'file') return open(where.path, where.append === true ? 'a' : 'w')
    if (where.to === 'null') return nullDevice()
    if (where.to === 'count') return 'pipe'
    return where.to
  }
  try {
    const extra = spec.descriptors === undefined ? [] : openExtraStdio(spec.descriptors, opened)
    return { stdio: [input(spec, open), output(spec.stdout), output(spec.stderr), ...extra], close }
  } catch (error) {
    close()
    throw error
  }
}

function input(spec: StartSpec, open: (path: string, flags: string) => number) {
  switch (spec.stdin.from) {
    case 'null':
      return nullDevice()
    case 'file':
      if (spec.stdin.ranges === undefined) return open(spec.stdin.path, 'r')
      checkRanges(spec.stdin.ranges)
      checkRegular(spec.stdin.path)
      return 'pipe'
    case 'inherit':
      return 0
    default:
      return 'pipe'
  }
}

let openNullDevice: number | null = null

/**
 * The null device, opened once. With 'ignore' the child opens it, and when that fails for want of descriptors, Node
 * leaves the pipes open that it had made for the child.
 */
function nullDevice(): number | 'ignore' {
  if (process.platform === 'win32') return 'ignore'
  openNullDevice ??= openSync('/dev/null', 'r+')
  return openNullDevice
}
