import type { ProtocolOutput } from './protocol-output.js'
import type { RequestQueue } from './request-queue.js'

/** What every side of a protocol is made of. */
export interface SideParts {
  readonly output: ProtocolOutput
  readonly queue: RequestQueue
  readonly exit: (() => void | Promise<void>) | undefined
  readonly concurrency: number
}

/** Finishes what was asked for, lets the worker say goodbye, and exits. */
export async function leave({ queue, exit }: SideParts): Promise<void> {
  await queue.whenEmpty()
  try {
    await exit?.()
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n`)
    process.exit(1)
  }
  process.exit()
}

/** As Node prints it. Never throws, whatever was thrown. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? String(error.stack ?? error.message) : String(error)
  } catch {
    return 'what was thrown cannot be described'
  }
}
