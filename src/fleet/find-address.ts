import { readFileSync, statSync } from 'node:fs'
import { OptionError } from '../task/errors.js'
import { holdsPassword, parseQueueAddress, type QueueAddress } from './address.js'

/** Where the address of a queue is looked for. */
export interface AddressSources {
  /** The address as it was given on a command line, where everybody can see it. */
  readonly given?: string | undefined
  /** A file with the address on its first line. */
  readonly file?: string | undefined
  /** Where `DROVER_QUEUE` and `DROVER_QUEUE_PASSWORD` are looked up. Default: this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Holds a whole address. */
export const QUEUE_VARIABLE = 'DROVER_QUEUE'
/** Holds the password for an address that has none. */
export const PASSWORD_VARIABLE = 'DROVER_QUEUE_PASSWORD'

/**
 * Finds where the queue is, as a command line has it: the address that was given, else that in the file, else `DROVER_QUEUE`. The
 * password comes from the file, from `DROVER_QUEUE` or from `DROVER_QUEUE_PASSWORD`.
 *
 * @returns null where no address is given anywhere.
 * @throws OptionError for an address that is none, a file that others can read, or a password on the command line.
 */
export function findQueueAddress({ given, file, env = process.env }: AddressSources): QueueAddress | null {
  if (given !== undefined && file !== undefined)
    throw new OptionError('--queue and --queue-file exclude each other; give one of them')
  if (given !== undefined && holdsPassword(given))
    throw new OptionError(
      `--queue: a password on the command line can be read by everybody on this machine; put the address into ${QUEUE_VARIABLE}, into a file for --queue-file, or the password into ${PASSWORD_VARIABLE}`,
    )
  const address = given ?? (file === undefined ? env[QUEUE_VARIABLE] : addressIn(file))
  return address === undefined || address === '' ? null : parseQueueAddress(address, env[PASSWORD_VARIABLE])
}

function addressIn(file: string): string {
  let text: string
  let mode: number
  try {
    text = readFileSync(file, 'utf8')
    mode = statSync(file).mode
  } catch (error) {
    throw new OptionError(`--queue-file: ${file} cannot be read: ${(error as Error).message}`)
  }
  const address = text.split('\n', 1)[0]!.trim()
  if (address === '') throw new OptionError(`--queue-file: ${file} has no address on its first line`)
  if ((mode & 0o077) !== 0 && holdsPassword(address) && process.platform !== 'win32')
    throw new OptionError(`--queue-file: ${file} holds a password and others can read it; chmod 600 ${file}`)
  return address
}
