import { launcherFor } from '../../launcher/default-launcher.js'
import type { LauncherLock } from '../../launcher/port.js'
import { checkDuration, rejectUnknown } from '../../process/process-options.js'
import { DroverError } from '../../task/errors.js'
import { type InlineClient, lookAt } from './inline-client.js'
import { defaultServerFolder, type ServerFiles, serverFiles } from './server-folder.js'
import { findServerProgram } from './server-program.js'
import { startKeeper } from './start-keeper.js'

/** How a server of this user is started, or found. All of it is optional. */
export interface PrivateServerOptions {
  /** Where its data and its socket are. Default: `$XDG_DATA_HOME/drover/server`, else `~/.local/share/drover/server`. */
  readonly folder?: string | undefined
  /** The server program. Default: the first `redis-server` or `valkey-server` on the PATH. */
  readonly program?: string | undefined
  /** Milliseconds without clients after which it ends; of the one who starts it. Default: 1 hour. */
  readonly idleMs?: number | undefined
  /** Milliseconds to wait for it; reading a queue of many tasks back takes long. Default: 5 minutes. */
  readonly startTimeoutMs?: number | undefined
}

/** The use of a private server. While it is held, the server is not ended as idle, and started again when it has died. */
export interface PrivateServer extends AsyncDisposable {
  /** The address of its socket, as `--queue` takes it: `redis+socket:///…`. */
  readonly address: string
  /** The path of its socket. */
  readonly socketPath: string
  /** Lets go of it. It lives on for others, and until it was idle for long. */
  close(): Promise<void>
}

const OPTIONS = ['folder', 'program', 'idleMs', 'startTimeoutMs'] as const
const PAUSE_MS = 20
/** Between two tries to start one again that died. */
const RETRY_MS = 1_000

/**
 * A Redis server for the processes of this user on this machine, which is started when it is not there. It does not keep this
 * process alive.
 *
 * @throws DroverError `ERR_DROVER_NO_SERVER` where none is installed, `ERR_DROVER_FOLDER` for a folder that cannot be trusted,
 * `ERR_DROVER_SERVER` when it does not start; OptionError for a mistake in the call.
 */
export async function privateServer(options: PrivateServerOptions = {}): Promise<PrivateServer> {
  rejectUnknown('privateServer()', options, OPTIONS)
  const start: Start = {
    files: serverFiles(options.folder ?? defaultServerFolder()),
    program: options.program,
    idleMs: checkDuration('idleMs', options.idleMs ?? 60 * 60 * 1000),
    timeoutMs: checkDuration('startTimeoutMs', options.startTimeoutMs ?? 5 * 60 * 1000),
  }
  const held = new HeldServer(start, await running(start))
  return held
}

interface Start {
  readonly files: ServerFiles
  readonly program: string | undefined
  readonly idleMs: number
  readonly timeoutMs: number
}

/** A connection to the server, started if it must be. */
async function running(start: Start, stop?: AbortSignal): Promise<InlineClient> {
  const { files, timeoutMs } = start
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = stop === undefined ? timeout : AbortSignal.any([timeout, stop])
  try {
    for (;;) {
      signal.throwIfAborted()
      const there = await lookAt(files.socket)
      if (there.state === 'ready') return there.client
      if (there.state === 'none') await startOne(start, signal)
      else await pause()
    }
  } catch (error) {
    if (!timeout.aborted) throw error
    throw new DroverError(
      'ERR_DROVER_SERVER',
      `the private server in ${files.folder} has not answered for ${timeoutMs} ms; see ${files.log}`,
    )
  }
}

/** However many come here at once, one starts it, and the others find it started. */
async function startOne({ files, program, idleMs }: Start, signal: AbortSignal): Promise<void> {
  const found = program ?? findServerProgram()
  const lock = await startLock(files, signal)
  try {
    const there = await lookAt(files.socket)
    if (there.state === 'ready') there.client.close()
    if (there.state === 'none') await startKeeper(files, { program: found, idleMs }, signal)
  } finally {
    await lock?.release()
  }
}

/** Where there are no locks the keepers sort it out among themselves, at the cost of starting some that are not needed. */
async function startLock(files: ServerFiles, signal: AbortSignal): Promise<LauncherLock | null> {
  const launcher = launcherFor()
  try {
    return (await launcher.lock?.(files.startLock, { wait: true, signal })) ?? null
  } catch (error) {
    if (launcher.lock === undefined) return null
    throw error
  }
}

class HeldServer implements PrivateServer {
  readonly #start: Start
  readonly #stop = new AbortController()
  readonly #holding: Promise<void>
  #client: InlineClient

  constructor(start: Start, client: InlineClient) {
    this.#start = start
    this.#client = client
    this.#holding = this.#hold()
  }

  get socketPath(): string {
    return this.#start.files.socket
  }

  get address(): string {
    return `redis+socket://${this.socketPath.split('/').map(encodeURIComponent).join('/')}`
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#client.close()
    await this.#holding
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #hold(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      this.#client.unref()
      await this.#client.closed
      if (signal.aborted) return
      try {
        this.#client = await running(this.#start, signal)
      } catch {
        // Those who use it see that it is gone. It may come back.
        await retryPause(signal)
      }
      if (signal.aborted) this.#client.close()
    }
  }
}

/** Does not keep the process alive, which {@link PrivateServer.close} does not wait for either. */
function retryPause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, RETRY_MS).unref()
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
}
