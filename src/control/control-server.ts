import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { uniqueId } from '../task/unique-id.js'
import { controlFolder, socketName, withSocketPath } from './control-folder.js'
import type { Controlled } from './controlled.js'
import { removeDead } from './remove-dead.js'
import { serveConnection } from './serve-connection.js'

/** With more sockets than that in the folder, it is looked through for dead ones. */
const MANY = 32
const MOST_CONNECTIONS = 64

/**
 * Answers whoever of this user wants to see or steer something that goes on here. It does not keep the event loop alive.
 *
 * The socket gets its name only when somebody listens on it, so that one that refuses connections is one whose owner is dead.
 */
export class ControlServer {
  readonly #server: Server
  readonly #path: string
  readonly #connections: ReadonlySet<Socket>

  private constructor(server: Server, path: string, connections: ReadonlySet<Socket>) {
    this.#server = server
    this.#path = path
    this.#connections = connections
  }

  /** @throws (as a rejection) the system's error when there can be no socket; DroverError for a folder that cannot be trusted. */
  static async open(controlled: Controlled): Promise<ControlServer> {
    const folder = controlFolder()
    const connections = new Set<Socket>()
    const server = createServer((socket) => {
      connections.add(socket)
      socket.unref()
      socket.once('close', () => connections.delete(socket))
      serveConnection(socket, controlled)
    })
    server.maxConnections = MOST_CONNECTIONS
    const unique = uniqueId()
    const temporary = `.${unique}`
    const path = join(folder, socketName(controlled.run, unique))
    await withSocketPath(folder, temporary, (short) => listen(server, short))
    server.unref()
    // Nobody else can look into the folder; this is for whoever opens it up.
    chmodSync(join(folder, temporary), 0o600)
    renameSync(join(folder, temporary), path)
    if (readdirSync(folder).length > MANY) void removeDead(folder)
    return new ControlServer(server, path, connections)
  }

  /** Takes nobody any more, and lets go of those who still follow something. */
  async close(): Promise<void> {
    rmSync(this.#path, { force: true })
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#connections) socket.destroySoon()
    // Who does not read what was sent is not waited for.
    const timer = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy()
    }, 200)
    await closed
    clearTimeout(timer)
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path }, () => {
      server.off('error', reject)
      // What goes wrong with it later is of no harm to what it serves.
      server.on('error', () => {})
      resolve()
    })
  })
}
