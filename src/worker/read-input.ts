import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'

export interface InputEvents {
  /** The chunk is used again after the call. */
  onChunk(chunk: Buffer): void
  onEnd(): void
}

/** As much as the pipe has room for, so that a long message is there at once. */
const READ_BYTES = 262_144

/** Reads standard input. Pipes and sockets are read into one buffer again and again, everything else as Node does. */
export function readInput({ onChunk, onEnd }: InputEvents): void {
  const { isFIFO, isSocket } = typeOfInput()
  if (!isFIFO && !isSocket) {
    process.stdin.on('data', onChunk)
    process.stdin.on('end', onEnd)
    return
  }
  const socket = new Socket({
    fd: 0,
    readable: true,
    writable: false,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, buffer: Buffer) => {
        onChunk(buffer.subarray(0, bytes))
        return true
      },
    },
  } as ConstructorParameters<typeof Socket>[0])
  socket.on('end', onEnd)
  socket.on('error', onEnd)
  socket.resume()
}

function typeOfInput(): { isFIFO: boolean; isSocket: boolean } {
  try {
    const stat = fstatSync(0)
    return { isFIFO: stat.isFIFO(), isSocket: stat.isSocket() }
  } catch {
    return { isFIFO: false, isSocket: false }
  }
}
