import type { Socket } from 'node:net'
import { DroverError } from '../task/errors.js'
import type { Controlled } from './controlled.js'
import { type ControlRequest, MOST_REQUEST_BYTES, type TailLine } from './protocol.js'
import { requestOf } from './read-request.js'

/** A client that says nothing for so long is let go. */
const REQUEST_MS = 5_000
/** What waits for a client that follows a task; more is dropped, since the task must not wait for it. */
const MOST_WAITING_BYTES = 1024 * 1024

/** Reads one request and answers it. Whatever comes, what is served is not harmed by it. */
export function serveConnection(socket: Socket, controlled: Controlled): void {
  let received = Buffer.alloc(0)
  const timer = setTimeout(() => socket.destroy(), REQUEST_MS)
  timer.unref()
  socket.on('error', () => socket.destroy())
  socket.on('close', () => clearTimeout(timer))
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    const end = received.indexOf(0x0a)
    if (end < 0 && received.length <= MOST_REQUEST_BYTES) return
    clearTimeout(timer)
    socket.off('data', onData)
    socket.resume()
    try {
      answer(socket, controlled, requestOf(end < 0 ? received : received.subarray(0, end)))
    } catch (error) {
      const { code = 'ERR_DROVER_CONTROL', message } = error as NodeJS.ErrnoException
      send(socket, { error: { code, message } })
      socket.end()
    }
  }
  socket.on('data', onData)
}

function answer(socket: Socket, controlled: Controlled, request: ControlRequest): void {
  switch (request.command) {
    case 'status': {
      const tasks = request.tasks === true ? controlled.tasks?.() : undefined
      return finish(socket, { ...controlled.status(), ...(tasks !== undefined && { tasks }) })
    }
    case 'cancel':
      if (request.task === undefined) {
        finish(socket, null)
        // The answer goes out first, for what is cancelled may end this process.
        return void setImmediate(() => controlled.cancel())
      }
      return finish(socket, supported(controlled.cancelTask, 'single tasks cannot be cancelled')(request.task))
    case 'pause':
      return finish(socket, controlled.pause() ?? null)
    case 'resume':
      return finish(socket, controlled.resume() ?? null)
    case 'jobs':
      return finish(socket, controlled.setJobs(request.jobs) ?? null)
    case 'tail':
      return tail(socket, controlled, request.task)
  }
}

function supported<Do>(does: Do | undefined, why: string): Do {
  if (does !== undefined) return does
  throw new DroverError('ERR_DROVER_UNSUPPORTED', `${why} here`)
}

function tail(socket: Socket, controlled: Controlled, which: string): void {
  let dropped = 0
  // What is kept is told at once, but is to come after the answer.
  let early: TailLine[] | null = []
  const tell = (line: TailLine) => {
    if (early !== null) early.push(line)
    else send(socket, line)
  }
  const follow = supported(controlled.follow, 'what single tasks print cannot be followed')
  const { stop, ...begin } = follow(which, {
    onOutput: (stream, chunk) => {
      if (socket.writableLength > MOST_WAITING_BYTES) {
        dropped += chunk.length
        return
      }
      if (dropped > 0) tell({ dropped })
      dropped = 0
      tell({ stream, base64: chunk.toString('base64') })
    },
    onEnd: (state) => {
      if (dropped > 0) tell({ dropped })
      tell({ end: state })
      socket.end()
    },
  })
  socket.once('close', stop)
  send(socket, { ok: begin })
  const lines = early
  early = null
  for (const line of lines) send(socket, line)
}

function finish(socket: Socket, ok: unknown): void {
  send(socket, { ok })
  socket.end()
}

function send(socket: Socket, value: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`)
}
