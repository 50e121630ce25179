import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { DroverError } from '../task/errors.js'
import { runOfName, withSocketPath } from './control-folder.js'

/**
 * Connects to a socket of the folder.
 *
 * @returns null when there is nobody: whoever listened on it is dead, and it is removed.
 * @throws (as a rejection) DroverError `ERR_DROVER_NO_ANSWER` when it cannot be connected to, as when too many wait for it already.
 */
export async function connectTo(folder: string, name: string): Promise<Socket | null> {
  try {
    return await withSocketPath(folder, name, connected)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (NOBODY.has(code)) return null
    if (code !== 'ECONNREFUSED')
      throw new DroverError('ERR_DROVER_NO_ANSWER', `run ${runOfName(name)} does not answer: ${message}`, {
        cause: error,
      })
    removeIfNoFolder(join(folder, name))
    return null
  }
}

/** There is no socket, whatever there is. */
const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

/** What somebody else has put there under such a name stays, and is in nobody's way. */
function removeIfNoFolder(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) rmSync(path, { force: true })
}

/** One that has not been given its name by then never will be. */
const UNNAMED_MS = 60_000

/** Removes the sockets of runs that have been killed. Never rejects. */
export async function removeDead(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) if (name.startsWith('.')) removeIfOld(join(folder, name))
  for (const name of socketsIn(folder)) {
    try {
      const socket = await connectTo(folder, name)
      socket?.destroy()
    } catch {
      // Somebody else's matter.
    }
  }
}

function removeIfOld(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false })
  if (status?.isSocket() === true && Date.now() - status.mtimeMs > UNNAMED_MS) rmSync(path, { force: true })
}

export function socketsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => runOfName(name) !== null)
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
