import { DroverError } from '../../task/errors.js'
import { textBound } from './frame-writer.js'
import type { Server } from './server.js'
import { datagramErrorOf } from './start-errors.js'
import { Request } from './wire.js'

/** @throws DroverError with the system's code, or `ERR_DROVER_LAUNCHER_DIED`. */
export async function sendDatagram(server: Server, path: string, message: string): Promise<void> {
  const errno = await server.request(Request.datagram, 4 + textBound(path) + textBound(message), () => {
    server.writer.u32(process.pid)
    server.writer.text(path)
    server.writer.text(message)
  })
  if (server.isGone) throw new DroverError('ERR_DROVER_LAUNCHER_DIED', `the launcher ended while it wrote to ${path}`)
  if (errno !== 0) throw datagramErrorOf(errno, path)
}
