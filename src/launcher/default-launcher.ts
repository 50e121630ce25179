import { OptionError } from '../task/errors.js'
import { AutoLauncher } from './auto-launcher.js'
import { createNativeLauncher, type NativeLauncherOptions } from './native/native-launcher.js'
import { NodeLauncher } from './node/node-launcher.js'
import type { Launcher } from './port.js'

/** A launcher by name, or one of your own. `auto` takes the native one where it works, else the one on child_process. */
export type LauncherChoice = 'auto' | 'native' | 'node' | Launcher

const MAKERS: Readonly<Record<string, (options: NativeLauncherOptions) => Launcher>> = {
  auto: (options) => new AutoLauncher(options),
  native: createNativeLauncher,
  node: () => new NodeLauncher(),
}

const shared = new Map<string, Launcher>()

/**
 * The launcher for a choice; without one, for the environment variable `DROVER_LAUNCHER`, else `auto`. Launchers are
 * shared within a Node process.
 *
 * @param options - for the native launcher, where it is the first call for this choice.
 *
 * @throws OptionError for a name that is not known; DroverError with code `ERR_DROVER_LAUNCHER` where `native` was asked for
 * and cannot be had.
 */
export function launcherFor(choice?: LauncherChoice, options: NativeLauncherOptions = {}): Launcher {
  if (typeof choice === 'object') return choice
  const name = choice ?? (process.env.DROVER_LAUNCHER || 'auto')
  const known = shared.get(name)
  if (known !== undefined) return known
  const make = Object.hasOwn(MAKERS, name) ? MAKERS[name] : undefined
  if (make === undefined)
    throw new OptionError(`there is no launcher ${JSON.stringify(name)}; known are ${Object.keys(MAKERS).join(', ')}`)
  const launcher = make(options)
  shared.set(name, launcher)
  return launcher
}
