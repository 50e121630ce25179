import { OptionError } from '../task/errors.js'

/**
 * Takes what drover has to say. A logger of `pino` is one, and so is `console`. Fields come first, then a sentence; errors are in the field
 * `err`, or `error` where they are plain `{code, message}`. What it throws is ignored.
 */
export interface Logger {
  /** A task or a worker was started or ended. */
  debug(fields: object, message: string): unknown
  /** A run or a round of a daemon has ended. */
  info(fields: object, message: string): unknown
  /** A task is tried again, could not be started or was lost; a worker died; starts are held off. */
  warn(fields: object, message: string): unknown
  /** What cannot go on: a run that is ended by an error, a pool whose workers cannot be started, a daemon that ends. */
  error(fields: object, message: string): unknown
}

type Level = keyof Logger
const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

/** A logger that can be called from anywhere: nothing that it does comes back. */
export type Log = { readonly [Name in Level]: (fields: object, message: string) => void }

/**
 * The log of an option `logger`; null without one, so that nothing is put together that nobody reads.
 *
 * @throws OptionError unless it has the four methods.
 */
export function logOf(logger: Logger | undefined): Log | null {
  if (logger === undefined) return null
  const missing = LEVELS.find((level) => typeof (logger as Partial<Logger> | null)?.[level] !== 'function')
  if (missing !== undefined)
    throw new OptionError(`logger: expected an object with debug, info, warn and error, as of pino; ${missing} is none`)
  const write = (level: Level) => (fields: object, message: string) => {
    try {
      const written = logger[level](fields, message)
      if (typeof (written as PromiseLike<unknown> | undefined)?.then === 'function')
        (written as PromiseLike<unknown>).then(undefined, () => {})
    } catch {
      // A log that cannot be written is no reason for tasks to fail.
    }
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
