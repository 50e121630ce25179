import { launcherFor } from '../launcher/default-launcher.js'
import type { Launcher } from '../launcher/port.js'
import { hostsLauncher } from '../launcher/ssh/hosts-options.js'
import { hostSlots } from '../slots/hosts/host-slots.js'
import type { SlotSourceMaker } from '../slots/slot-source.js'
import { OptionError } from '../task/errors.js'
import type { DispatchOptions } from './dispatch-options.js'

/** What starts the tasks of a run, and what this machine has to do with it. */
export interface StartingOptions {
  readonly launcher: Launcher
  /** Holds what is shared with other runs of this machine. */
  readonly localLauncher: Launcher
  readonly hostSources: readonly SlotSourceMaker[]
}

/** What has a meaning on this machine only. */
const LOCAL_OPTIONS: readonly (readonly [keyof DispatchOptions, string])[] = [
  ['pool', 'the workers of a pool are on this machine'],
  ['runner', 'it has the tasks run somewhere else by itself'],
  ['maxLoad', 'it is the load of this machine'],
  ['minFreeBytes', 'it is the memory of this machine'],
  ['maxPressure', 'it is the pressure on this machine'],
  ['jobserverForm', 'a jobserver is for this machine'],
]

/** @throws OptionError for hosts that cannot be used, or what cannot be had with them. */
export function startingOptions(options: DispatchOptions): StartingOptions {
  const localLauncher = launcherFor(options.launcher)
  if (options.hosts === undefined) return { launcher: localLauncher, localLauncher, hostSources: [] }
  for (const [name, reason] of LOCAL_OPTIONS) {
    if (options[name] !== undefined) throw new OptionError(`${name}: ${reason}; leave it out with hosts`)
  }
  const { input, output, leftovers, jobserver } = options
  if (input === 'inherit' || output === 'inherit')
    throw new OptionError(
      'hosts: tasks on other machines cannot read from or print to what this process has; use pipes',
    )
  if (leftovers === 'keep') throw new OptionError('leftovers: keep is not possible with hosts; nothing stays there')
  if (jobserver === 'server' || jobserver === 'client')
    throw new OptionError('jobserver: a jobserver is for this machine; leave it out with hosts')
  const launcher = hostsLauncher(options.hosts, localLauncher)
  return { launcher, localLauncher, hostSources: [hostSlots(launcher)] }
}
