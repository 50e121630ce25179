import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { DroverError } from '../../task/errors.js'

/** What the private server of a user is made of. */
export interface ServerFiles {
  readonly folder: string
  readonly socket: string
  /** Held by the one who looks after the server, for as long as it runs. */
  readonly lock: string
  /** Held by those who start it, one after the other. */
  readonly startLock: string
  readonly config: string
  readonly log: string
  readonly data: string
}

/** The shortest limit of any system that there is for the path of a socket, less the 0 at its end. */
const MOST_SOCKET_BYTES = 103

/** `$XDG_DATA_HOME/drover/server`, else `~/.local/share/drover/server`. */
export function defaultServerFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env.XDG_DATA_HOME
  const data = given?.startsWith('/') === true ? given : join(homedir(), '.local/share')
  return join(data, 'drover/server')
}

/**
 * Makes the folder when it is not there, for this user only.
 *
 * @throws DroverError `ERR_DROVER_FOLDER` when it is somebody else's, or its path is too long for a socket in it.
 */
export function serverFiles(folder: string): ServerFiles {
  const path = resolve(folder)
  const socket = join(path, 'server.sock')
  if (Buffer.byteLength(socket) > MOST_SOCKET_BYTES) {
    throw new DroverError(
      'ERR_DROVER_FOLDER',
      `${path} is too long for a folder with a socket in it; set XDG_DATA_HOME to one that is at least ${Buffer.byteLength(socket) - MOST_SOCKET_BYTES} bytes shorter`,
    )
  }
  makePrivate(path)
  const data = join(path, 'data')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  return {
    folder: path,
    socket,
    lock: join(path, 'server.lock'),
    startLock: join(path, 'start.lock'),
    config: join(path, 'server.conf'),
    log: join(path, 'server.log'),
    data,
  }
}

function makePrivate(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const status = lstatSync(path)
  if (!status.isDirectory() || status.uid !== (process.getuid?.() ?? status.uid)) {
    throw new DroverError(
      'ERR_DROVER_FOLDER',
      `${path} is not a folder of this user (${process.getuid?.()}) but of user ${status.uid}; set XDG_DATA_HOME to a folder of your own, or give the address of a server`,
    )
  }
  if ((status.mode & 0o077) !== 0) chmodSync(path, 0o700)
}
