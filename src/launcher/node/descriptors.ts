import { closeSync, openSync } from 'node:fs'

/** A start takes two pairs of sockets for output, one for input, and a pipe on which the exec is reported. */
const NEEDED = 10

let maybeShort = false

/** To be told of each start that failed. */
export function noteFailedStart(): void {
  maybeShort = true
}

/** To be told why it failed, as soon as that is known. */
export function noteReason(code: string): void {
  if (code !== 'EMFILE' && code !== 'ENFILE') maybeShort = false
}

/**
 * Makes sure that there are descriptors for a start: when the last of them are used up in the middle of it, Node leaves
 * the pipes open that it had made for the child (they cannot be reached from outside), and each try makes it worse. Only
 * looks when a start has failed before.
 *
 * @throws the system's EMFILE or ENFILE.
 */
export function ensureDescriptors(): void {
  if (!maybeShort || process.platform === 'win32') return
  const opened: number[] = []
  try {
    for (let n = 0; n < NEEDED; n++) opened.push(openSync('/dev/null', 'r'))
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
