import { DroverError } from '../task/errors.js'

/** The queue cannot be used: its server is not there, refuses, or a package that speaks to it is missing: `ERR_DROVER_QUEUE`. */
export class QueueError extends DroverError {
  override readonly name = 'QueueError'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_DROVER_QUEUE', message, options)
  }
}

/** What the server said, in words that hold no password. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (message) return code !== undefined && !message.includes(code) ? `${message} (${code})` : message
  return code ?? String(error)
}
