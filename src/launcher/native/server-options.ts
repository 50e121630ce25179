import type { StartError } from '../port.js'
import type { EnvironmentMirror } from './environment-mirror.js'
import type { FrameWriter } from './frame-writer.js'
import type { LauncherLink } from './link.js'
import type { NativeChild } from './native-child.js'
import type { Server } from './server.js'

/** What a child needs of the connection to its launcher. */
export interface ServerConnection {
  readonly writer: FrameWriter
  /** Null where not known. */
  readonly launcherPid: number | null
  /** Keeps the event loop alive until as many {@link release} have come. */
  hold(count: number): void
  release(): void
  forget(child: NativeChild): void
  signalTree(signal: number, number: number, pid: number): Promise<number>
}

export interface ServerOptions {
  readonly link: LauncherLink
  /** What the launcher was started with, and this process has changed since; null where its environment is none of ours. */
  readonly environment: EnvironmentMirror | null
  /** Whether one like it has run before; then a sudden end is a death, and does not mean that it cannot run. */
  readonly hasRun: () => boolean
  /** What children are told whose launcher has died. */
  readonly died?: () => StartError
  /** Called when the launcher has said its first word. */
  readonly onReady?: () => void
  /** Called when the launcher answers that it is there, with the number of the question; see {@link Server.beat}. */
  readonly onAlive?: (number: number) => void
  /** Called once, when the launcher is gone. */
  readonly onGone: (server: Server) => void
}
