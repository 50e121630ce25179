import { closeSync, constants, lstatSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { runtimeFolder } from '../slots/runtime-folder.js'
import { DroverError } from '../task/errors.js'

/** The path of a socket may be no longer, its end included. */
const MOST_PATH_BYTES = 108
/** Of a run's id; a longer one is cut, and the run tells the rest. */
export const MOST_NAME = 60
const SOCKET = '.sock'

/** The folder with the sockets of all that goes on for this user. It is made when it is not there. */
export function controlFolder(): string {
  const path = join(runtimeFolder(), 'control')
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const status = lstatSync(path)
  if (status.isDirectory() && status.uid === (process.getuid?.() ?? status.uid)) return path
  throw new DroverError('ERR_DROVER_FOLDER', `${path} is not a folder of this user; remove it`)
}

/**
 * The name of a socket: of the run, and a part that no other has, so that a name is never used again and what was found dead can be
 * removed.
 */
export function socketName(run: string, unique: string): string {
  return `${run.slice(0, MOST_NAME)}.${unique}${SOCKET}`
}

/** The beginning of the run's id, all of it unless it is very long; null for what is no socket of a run. */
export function runOfName(name: string): string | null {
  const match = /^([\w-]+)\.[\w-]+\.sock$/.exec(name)
  return match === null ? null : match[1]!
}

/**
 * Does something with a path to a socket, which is a shorter one to the same place where the system would find it too long.
 *
 * @param use - the path is good until what it returns has resolved.
 */
export async function withSocketPath<Value>(
  folder: string,
  name: string,
  use: (path: string) => Promise<Value>,
): Promise<Value> {
  const path = join(folder, name)
  if (Buffer.byteLength(path) < MOST_PATH_BYTES) return use(path)
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return await use(`/proc/self/fd/${fd}/${name}`)
  } finally {
    closeSync(fd)
  }
}
