import { lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DroverError, OptionError } from '../../task/errors.js'
import { runtimeFolder } from '../runtime-folder.js'

/** Where all named slots of this user are. */
export function slotsFolder(): string {
  return madeFolder(join(runtimeFolder(), 'slots'))
}

/**
 * The folder of the slots of one name. It is made when it is not there.
 *
 * @throws OptionError for what is no name; DroverError `ERR_DROVER_FOLDER` when it cannot be trusted.
 */
export function slotFolder(name: string): string {
  return madeFolder(join(slotsFolder(), checkSlotName(name)))
}

/** @throws OptionError unless it is 1 to 100 letters, digits, `-`, `_` and `.`, and does not begin with a dot. */
export function checkSlotName(name: unknown): string {
  if (typeof name === 'string' && /^[\w-][\w.-]{0,99}$/.test(name)) return name
  throw new OptionError(
    `slots: expected a name of letters, digits, -, _ and ., up to 100 characters, not ${JSON.stringify(name)}`,
  )
}

function madeFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const status = lstatSync(path)
  if (status.isDirectory() && status.uid === (process.getuid?.() ?? status.uid)) return path
  throw new DroverError('ERR_DROVER_FOLDER', `${path} is not a folder of this user; remove it`)
}
