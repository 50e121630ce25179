import { OptionError } from '../task/errors.js'
import { NodeLauncher } from './node/node-launcher.js'
import type { Launcher } from './port.js'

/** A launcher by name, or one of your own. `auto` takes the best that works here. */
export type LauncherChoice = 'auto' | 'node' | Launcher

let shared: NodeLauncher | null = null

/**
 * The launcher for a choice; without one, for the environment variable `DROVER_LAUNCHER`, else `auto`. Launchers are
 * shared within a Node process.
 *
 * @throws OptionError for a name that is not known.
 */
export function launcherFor(choice?: LauncherChoice): Launcher {
  if (typeof choice === 'object') return choice
  const name = choice ?? process.env.DROVER_LAUNCHER ?? 'auto'
  if (name !== 'auto' && name !== 'node' && name !== '') {
    throw new OptionError(`there is no launcher ${JSON.stringify(name)}; known are auto and node`)
  }
  shared ??= new NodeLauncher()
  return shared
}
