import type { Socket } from 'node:net'
import * as v from 'valibot'
import { DroverError } from '../task/errors.js'
import type { Controlled } from './controlled.js'
import { CONTROL_VERSION, type ControlRequest, MOST_REQUEST_BYTES, type TailLine } from './protocol.js'

/** A client that says nothing for so long is let go. */
const REQUEST_MS = 5_000
/** What waits for a client that follows a task; more is dropped, since the task must not wait for it. */
const MOST_WAITING_BYTES = 1024 * 1024

const task = v.pipe(v.string(), v.nonEmpty())
const requests = v.variant('command', [
  v.object({ command: v.literal('status'), tasks: v.optional(v.boolean()) }),
  v.object({ command: v.literal('cancel'), task: v.optional(task) }),
  v.object({ command: v.literal('pause') }),
  v.object({ command: v.literal('resume') }),
  v.object({ command: v.literal('jobs'), jobs: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
  v.object({ command: v.literal('tail'), task }),
])

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

function requestOf(line: Buffer): ControlRequest {
  let value: unknown
  try {
    value = JSON.parse(line.toString())
  } catch {
    throw new DroverError('ERR_DROVER_CONTROL', 'expected a line of JSON')
  }
  const { version } = (value ?? {}) as { version?: unknown }
  if (version !== CONTROL_VERSION) {
    throw new DroverError(
      'ERR_DROVER_CONTROL_VERSION',
      `this run speaks version ${CONTROL_VERSION} of the control protocol, not ${JSON.stringify(version)}; use the drover that it was started with`,
    )
  }
  const parsed = v.safeParse(requests, value)
  if (parsed.success) return parsed.output as ControlRequest
  const [issue] = parsed.issues
  throw new DroverError('ERR_DROVER_CONTROL', `expected a request: ${issue.message}`)
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
