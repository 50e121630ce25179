import { AsyncResource } from 'node:async_hooks'
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { StartError } from '../port.js'
import { PROTOCOL_VERSION } from './wire.js'

export interface LinkEvents {
  onData(chunk: Buffer): void
  /** Told once. @param problem - why there never was a launcher at the other end; null where there may have been one. */
  onEnd(problem: StartError | null): void
}

/** The connection to one launcher process, wherever that is. It keeps the event loop alive only between {@link ref} and {@link unref}. */
export interface LauncherLink {
  /** Of the launcher's other half, where it is a process of this machine. */
  readonly pid: number | null
  /** To be called once. No call is made from within it. */
  listen(events: LinkEvents): void
  send(pieces: readonly Uint8Array[]): void
  ref(): void
  unref(): void
  /** Ends the connection; the launcher then ends everything that it has started, and itself. */
  destroy(): void
  /** Resolves when the process at the other end is gone, or has taken too long for that. */
  whenOver(): Promise<void>
}

/** What comes from a launcher belongs to no request, least of all to the one that had it started. */
const NOBODYS = new AsyncResource('drover.launcher')

/** How long the other half may take to end everything and to give back what was held. */
const LONGEST_FAREWELL_MS = 5_000

/**
 * Starts a launcher on this machine.
 *
 * @param keep - whether what children leave behind outlives the launcher.
 * @throws the system's error when the process cannot be started.
 */
export function startLauncher(binary: string, keep: boolean, env: NodeJS.ProcessEnv): LauncherLink {
  const child = NOBODYS.runInAsyncScope(() =>
    spawn(binary, [String(PROTOCOL_VERSION), keep ? 'keep' : 'end'], {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      detached: true,
      env,
    }),
  )
  child.unref()
  // Without a process there may be no streams either, and 'error' follows.
  const socket = (child.stdio?.[3] ?? null) as Socket | null
  socket?.unref()
  return new ProcessLink(child, socket)
}

class ProcessLink implements LauncherLink {
  readonly pid: number | null
  readonly #process: ChildProcess
  readonly #socket: Socket | null

  constructor(child: ChildProcess, socket: Socket | null) {
    this.pid = child.pid ?? null
    this.#process = child
    this.#socket = socket
  }

  listen({ onData, onEnd }: LinkEvents): void {
    let isOver = false
    const end = (problem: StartError | null) => {
      if (isOver) return
      isOver = true
      onEnd(problem)
    }
    this.#process.on('error', (error: NodeJS.ErrnoException) => {
      const { code = 'ERR_DROVER_LAUNCHER', message } = error
      end({ code, message: `the launcher could not be started: ${message}` })
    })
    this.#socket?.once('close', () => end(null))
    this.#socket?.on('error', () => {})
    this.#socket?.on('data', onData)
    this.#socket?.unref()
  }

  send(pieces: readonly Uint8Array[]): void {
    if (this.#socket !== null) sendPieces(this.#socket, pieces)
  }

  ref(): void {
    this.#socket?.ref()
  }

  unref(): void {
    this.#socket?.unref()
  }

  destroy(): void {
    this.#socket?.destroy()
  }

  whenOver(): Promise<void> {
    return exitOf(this.#process)
  }
}

export function sendPieces(socket: Socket, pieces: readonly Uint8Array[]): void {
  if (socket.destroyed) return
  if (pieces.length === 1) {
    socket.write(pieces[0]!)
    return
  }
  socket.cork()
  for (const piece of pieces) socket.write(piece)
  socket.uncork()
}

/** Resolves when it has exited, or has not for too long. */
export function exitOf(child: ChildProcess): Promise<void> {
  const { exitCode, signalCode, pid } = child
  if (exitCode !== null || signalCode !== null || pid === undefined) return Promise.resolve()
  child.ref()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LONGEST_FAREWELL_MS)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
