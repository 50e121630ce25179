import type { Socket } from 'node:net'
import type { LiveTask } from '../dispatch/steering.js'
import type { OutputStream, StartError } from '../launcher/port.js'
import { DroverError } from '../task/errors.js'
import type { ResultState } from '../task/result.js'
import { controlFolder, runOfName } from './control-folder.js'
import { CONTROL_VERSION, type ControlRequest, type LiveRun, type TailBegin, type TailLine } from './protocol.js'
import { connectTo } from './remove-dead.js'
import { SocketLines } from './socket-lines.js'

/** Milliseconds within which a run answers, or else does not: it may be stopped (Ctrl-Z). */
const ANSWER_MS = 2_000

/** A piece of what a task prints. */
export interface TailOutput {
  /** `stdout` or `stderr`. */
  readonly stream: OutputStream
  /** The bytes, cut anywhere. */
  readonly chunk: Buffer
}

/** What a task prints, as it comes. */
export interface Tail extends AsyncIterable<TailOutput> {
  /** The task, as it was when this began. */
  readonly task: LiveTask
  /** Bytes that came before what is told, or that were left out because they were read too slowly. */
  readonly droppedBytes: number
  /** How the attempt ended, when all was read; `gone` when the run has ended before it told. */
  readonly end: ResultState | 'gone' | null
  /** Follows it no more. */
  close(): void
}

/** Something that goes on in another process of this user, or in this one, to be seen and steered. */
export class RemoteRun {
  readonly #folder: string
  readonly #name: string

  /** @internal */
  constructor(name: string, folder = controlFolder()) {
    this.#folder = folder
    this.#name = name
  }

  /** The run's id; only its beginning, where it is longer than 60 characters. */
  get run(): string {
    return runOfName(this.#name) ?? this.#name
  }

  /**
   * How it stands.
   *
   * @param options - `tasks`: whether to tell its tasks as well. Default: false.
   * @throws (as a rejection, here as in all that follows) DroverError `ERR_DROVER_NO_RUN` when it has ended, `ERR_DROVER_NO_ANSWER`
   * when it does not answer within two seconds.
   */
  status(options: { readonly tasks?: boolean } = {}): Promise<LiveRun> {
    return this.#ask({ command: 'status', ...options }) as Promise<LiveRun>
  }

  /** Ends it, as SIGTERM does. Resolves when that has begun. */
  async cancel(): Promise<void> {
    await this.#ask({ command: 'cancel' })
  }

  /**
   * Ends one task of it.
   *
   * @param task - its id, or its number, from 1.
   * @throws DroverError `ERR_DROVER_NO_TASK` when there is none that runs or waits.
   */
  cancelTask(task: string): Promise<LiveTask> {
    return this.#ask({ command: 'cancel', task }) as Promise<LiveTask>
  }

  /** Nothing more is started; what runs goes on. */
  async pause(): Promise<void> {
    await this.#ask({ command: 'pause' })
  }

  /** Goes on after {@link pause}. */
  async resume(): Promise<void> {
    await this.#ask({ command: 'resume' })
  }

  /**
   * How many at once from now on.
   *
   * @param jobs - at least 1.
   */
  async setJobs(jobs: number): Promise<void> {
    await this.#ask({ command: 'jobs', jobs })
  }

  /**
   * Follows what a task prints, from what is still kept of it until its attempt has ended.
   *
   * @param task - its id, or its number, from 1.
   * @throws (as a rejection) DroverError `ERR_DROVER_NO_TASK` when no such task runs, `ERR_DROVER_OUTPUT` when its output does not come by
   * the run.
   */
  async tail(task: string): Promise<Tail> {
    const socket = await this.#connect({ command: 'tail', task })
    const lines = new SocketLines(socket)
    const { droppedBytes, task: live } = answerOf(
      await withinTime(socket, lines.next(), this.run),
      this.run,
    ) as TailBegin
    let dropped = droppedBytes
    let end: Tail['end'] = null
    return {
      task: live,
      get droppedBytes() {
        return dropped
      },
      get end() {
        return end
      },
      close: () => socket.destroy(),
      async *[Symbol.asyncIterator]() {
        try {
          for await (const line of lines as AsyncIterable<TailLine>) {
            if ('end' in line) end = line.end
            else if ('dropped' in line) dropped += line.dropped
            else yield { stream: line.stream, chunk: Buffer.from(line.base64, 'base64') }
          }
          end ??= 'gone'
        } finally {
          socket.destroy()
        }
      },
    }
  }

  async #ask(request: ControlRequest): Promise<unknown> {
    const socket = await this.#connect(request)
    try {
      return answerOf(await withinTime(socket, new SocketLines(socket).next(), this.run), this.run)
    } finally {
      socket.destroy()
    }
  }

  async #connect(request: ControlRequest): Promise<Socket> {
    const socket = await connectTo(this.#folder, this.#name)
    if (socket === null) throw new DroverError('ERR_DROVER_NO_RUN', `run ${this.run} has ended`)
    socket.on('error', () => {})
    socket.write(`${JSON.stringify({ version: CONTROL_VERSION, ...request })}\n`)
    return socket
  }
}

async function withinTime(
  socket: Socket,
  answer: Promise<IteratorResult<unknown, undefined>>,
  run: string,
): Promise<unknown> {
  let late = false
  const timer = setTimeout(() => {
    late = true
    socket.destroy()
  }, ANSWER_MS)
  const step = await answer
  clearTimeout(timer)
  if (late) {
    throw new DroverError(
      'ERR_DROVER_NO_ANSWER',
      `run ${run} does not answer; it may be stopped (Ctrl-Z) or have very much to do`,
    )
  }
  return step.done === true ? undefined : step.value
}

function answerOf(line: unknown, run: string): unknown {
  if (typeof line !== 'object' || line === null) throw new DroverError('ERR_DROVER_NO_RUN', `run ${run} has ended`)
  if ('ok' in line) return line.ok
  const { code, message } = (line as { error?: Partial<StartError> }).error ?? {}
  if (typeof code !== 'string' || typeof message !== 'string')
    throw new DroverError('ERR_DROVER_NO_ANSWER', `run ${run} does not answer as a drover does`)
  throw new DroverError(code, message)
}
