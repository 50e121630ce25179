import { closeSync, fstatSync, openSync, writeSync, writevSync } from 'node:fs'

/** How long to wait when the pipe is full and does not wait by itself. */
const PAUSE_MS = 1

/**
 * Where the protocol is written to: what was standard output when the worker began to serve. Descriptor 1 leads to standard error
 * from then on, where the system lets a process open its own descriptors, so that nobody else can write between messages.
 */
export class ProtocolOutput {
  readonly #descriptor = takeStandardOutput()

  /** Writes all of it before it returns: a process may end at any time afterwards. */
  write(pieces: readonly Uint8Array[]): void {
    let left = pieces
    while (left.length > 0) left = piecesAfter(left, writeSome(this.#descriptor, left))
  }
}

let taken: ProtocolOutput | null = null

/** The one that this process has; from the first call on standard output leads to it no more. */
export function protocolOutput(): ProtocolOutput {
  taken ??= new ProtocolOutput()
  return taken
}

/** What is left of them behind so many bytes. */
function piecesAfter(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let [place, left] = [0, bytes]
  while (place < pieces.length && left >= pieces[place]!.length) left -= pieces[place++]!.length
  return left === 0 ? pieces.slice(place) : [pieces[place]!.subarray(left), ...pieces.slice(place + 1)]
}

function writeSome(descriptor: number, pieces: readonly Uint8Array[]): number {
  try {
    return pieces.length === 1 ? writeSync(descriptor, pieces[0]!) : writevSync(descriptor, pieces)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
      return 0
    }
    // Nobody reads any more: there is nothing left to do for anyone.
    if (code === 'EPIPE') process.exit(0)
    throw error
  }
}

/** @returns the descriptor to write to. */
function takeStandardOutput(): number {
  // Sockets, which another launcher may give, cannot be opened; nor can anything on Windows.
  if (process.platform === 'win32' || !fstatSync(1).isFIFO() || !canOpen(2)) return 1
  let descriptor: number
  try {
    descriptor = openSync('/dev/fd/1', 'w')
  } catch {
    return 1
  }
  closeSync(1)
  // The lowest number that is free is taken, which is 1.
  if (openSync('/dev/fd/2', 'a') !== 1) throw new Error('descriptor 1 was taken by something else')
  return descriptor
}

function canOpen(descriptor: number): boolean {
  try {
    closeSync(openSync(`/dev/fd/${descriptor}`, 'a'))
    return true
  } catch {
    return false
  }
}
