import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { runOfName, withSocketPath } from './control-folder.js'

/**
 * Connects to a socket of the folder.
 *
 * @returns null when there is nobody: whoever listened on it is dead, and it is removed.
 * @throws (as a rejection) the system's error when it cannot be connected to.
 */
export async function connectTo(folder: string, name: string): Promise<Socket | null> {
  try {
    return await withSocketPath(folder, name, connected)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code !== 'ECONNREFUSED') throw error
    rmSync(join(folder, name), { force: true })
    return null
  }
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
