import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { lockByFile } from '../../journal/lock-file.js'
import { launcherFor } from '../../launcher/default-launcher.js'
import { Process } from '../../process/process.js'
import { DroverError } from '../../task/errors.js'
import { DiskSync } from './disk-sync.js'
import { IdleClock } from './idle-clock.js'
import { type InlineClient, lookAt } from './inline-client.js'
import { serverConfig } from './server-config.js'
import type { ServerFiles } from './server-folder.js'

export interface KeeperOptions {
  readonly files: ServerFiles
  readonly program: string
  /** Milliseconds without clients after which the server is ended. */
  readonly idleMs: number
  /** Called when the server answers. */
  readonly onReady: () => void
  /** Ends the server when it is aborted. */
  readonly signal: AbortSignal
}

const PAUSE_MS = 20
const MOST_BETWEEN_LOOKS_MS = 30_000
/** How long an earlier keeper may take to end. */
const LOCK_PATIENCE_MS = 60_000
const MOST_LOG_BYTES = 1024 * 1024
/** How long the server may take to open its socket, which it does before it reads its data. */
const SOCKET_MS = 60_000
/** How long the server may take to end. */
const END_MS = 60_000

/**
 * Starts the server and stays with it until it ends: by itself, because nobody has used it for long, or because it was told to.
 *
 *   lock ──► start ──► ready ──► look, again and again ──► idle, or told to ──► TERM ──► gone
 *    │                                 └── it died ────────────────────────────────────────┘
 *    └── another keeper has it, whose server answers: that one is used
 *
 * The lock is the kernel's and the launcher's, which ends the server before it gives the lock back when this process dies. So
 * there are never two servers on the same data.
 *
 * @throws DroverError `ERR_DROVER_SERVER` when the server does not start.
 */
export async function keepServer(options: KeeperOptions): Promise<void> {
  const { files, onReady } = options
  if ((await lockOrServer(files)) === 'another has it') return onReady()
  // One that has outlived its keeper, where the launcher could not prevent that.
  const left = await present(files.socket)
  const disk = new DiskSync(files.data)
  if (left !== null) {
    onReady()
    const client = await untilUnused(left, options, () => false)
    await client?.ask('SHUTDOWN NOSAVE').catch(() => {})
    return disk.stop()
  }
  rmSync(files.socket, { force: true })
  if (sizeOf(files.log) > MOST_LOG_BYTES) renameSync(files.log, `${files.log}.old`)
  writeFileSync(files.config, serverConfig(files), { mode: 0o600 })
  const logStart = sizeOf(files.log)
  const server = new Process(options.program, [files.config], { name: 'private server', maxOutputBytes: 64 * 1024 })
  server.start()
  let end: string | null = null
  void server.result.then((result) => {
    const printed = `${readFrom(files.log, logStart)}\n${result.stderr}`.trim().split('\n').slice(-5).join('\n')
    end = `${options.program} ended (${result.state})\n${printed}`
  })
  try {
    const client = await answering(options, () => end)
    onReady()
    await untilUnused(client, options, () => end !== null)
  } finally {
    disk.stop()
    // At TERM it completes its file.
    await server.kill({ graceMs: END_MS })
    await launcherFor().close()
  }
}

async function lockOrServer(files: ServerFiles): Promise<'locked' | 'another has it'> {
  const launcher = launcherFor()
  const end = performance.now() + LOCK_PATIENCE_MS
  for (;;) {
    try {
      if (launcher.lock === undefined) await lockByFile(files.folder, files.lock)
      else await launcher.lock(files.lock)
      return 'locked'
    } catch (error) {
      const { code } = error as { code?: string }
      // A native launcher that turns out not to run here.
      if (code === 'ERR_DROVER_LAUNCHER' && launcher.lock === undefined) continue
      const isTaken = code === 'ERR_DROVER_LOCKED' || code === 'ERR_DROVER_JOURNAL'
      if (!isTaken || performance.now() > end) throw error
    }
    const there = await lookAt(files.socket)
    if (there.state === 'ready') {
      there.client.close()
      return 'another has it'
    }
    await pause()
  }
}

/** Waits until it answers, which takes as long as it takes to read its data. */
async function answering({ files, program, signal }: KeeperOptions, ended: () => string | null): Promise<InlineClient> {
  const start = performance.now()
  for (;;) {
    const there = await lookAt(files.socket)
    if (there.state === 'ready') return there.client
    let problem = ended()
    if (signal.aborted) problem = 'it was told to end'
    if (there.state === 'none' && performance.now() - start > SOCKET_MS)
      problem = `${program} has not opened its socket for ${SOCKET_MS} ms`
    if (problem !== null) throw new DroverError('ERR_DROVER_SERVER', `the private server did not start: ${problem}`)
    await pause()
  }
}

/** The server at a socket, once it answers; null when there is none. */
async function present(socket: string): Promise<InlineClient | null> {
  for (;;) {
    const there = await lookAt(socket)
    if (there.state === 'ready') return there.client
    if (there.state === 'none') return null
    await pause()
  }
}

/** Looks at it until it is to be ended, and gives the connection to it then, or null when it has ended by itself. */
async function untilUnused(
  client: InlineClient,
  { files, idleMs, signal }: KeeperOptions,
  hasEnded: () => boolean,
): Promise<InlineClient | null> {
  const idle = new IdleClock(idleMs)
  const betweenMs = Math.max(PAUSE_MS, Math.min(MOST_BETWEEN_LOOKS_MS, idleMs / 5))
  let current = client
  for (;;) {
    await Promise.race([current.closed, pause(betweenMs, signal)])
    if (hasEnded()) return null
    // Without its socket nobody can reach it any more.
    if (signal.aborted || !existsSync(files.socket) || (await isIdle(current, idle))) return current
    if (!current.isClosed) continue
    const next = await lookAt(files.socket)
    if (next.state === 'none') return null
    if (next.state === 'ready') current = next.client
    else await pause()
  }
}

async function isIdle(client: InlineClient, idle: IdleClock): Promise<boolean> {
  try {
    return idle.look(`${await client.ask('INFO clients')}${await client.ask('INFO stats')}`)
  } catch {
    // A server that does not answer is at work.
    return false
  }
}

function pause(ms = PAUSE_MS, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal?.aborted === true) done()
    else signal?.addEventListener('abort', done)
  })
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0
}

function readFrom(file: string, start: number): string {
  return existsSync(file) ? readFileSync(file).subarray(start).toString() : ''
}
