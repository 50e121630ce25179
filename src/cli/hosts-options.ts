import type { HostsOptions } from '../launcher/ssh/hosts-options.js'
import { OptionError } from '../task/errors.js'
import type { RunWords } from './run-words.js'
import { given } from './values.js'

/** On which machines tasks are to run; undefined for this one. @throws OptionError for what makes no sense without hosts, or with them. */
export function hostsOptions(words: RunWords): HostsOptions | undefined {
  const { hosts, hostsFile, workdir, env, cleanup } = words
  if (hosts === undefined && hostsFile === undefined) {
    const others = {
      '--workdir': workdir,
      '--env': env,
      '--transfer': words.transfer,
      '--return': words.return,
      '--cleanup': cleanup,
    }
    const [name] = Object.entries(others).find(([, value]) => value !== undefined) ?? []
    if (name !== undefined) throw new OptionError(`${name} is about other machines; name them with --hosts`)
    return undefined
  }
  if ((words.pipe ?? words.pipePart) === true && (words.transfer ?? words.return) !== undefined)
    throw new OptionError('--transfer and --return are for items; with --pipe and --pipe-part there are none')
  if (words.ungroup === true) throw new OptionError('--ungroup: tasks on other machines cannot print by themselves')
  return given({ names: hosts, file: hostsFile, workdir, env, cleanup })
}
