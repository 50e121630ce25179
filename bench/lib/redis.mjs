import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Does something with a Redis server of its own, on a socket, that keeps nothing.
 *
 * @template T
 * @param {(socket: string) => Promise<T>} call
 * @returns {Promise<T>}
 */
export async function withRedis(call) {
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-redis-'))
  const socket = join(folder, 'socket')
  const words = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn('redis-server', words, { stdio: 'ignore' })
  const ended = once(server, 'exit')
  try {
    for (let tries = 0; !existsSync(socket); tries++) {
      if (server.exitCode !== null || tries > 500) throw new Error('redis-server did not start')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return await call(socket)
  } finally {
    server.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
}
