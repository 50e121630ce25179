import type { HostsOptions } from '../launcher/ssh/hosts-options.js'
import { OptionError } from '../task/errors.js'
import type { RunWords } from './run-words.js'
import { given } from './values.js'

/** On which machines tasks are to run; undefined for this one. @throws OptionError for what makes no sense without hosts, or with them. */
export function hostsOptions(words: RunWords): HostsOptions | undefined {
  const { hosts, hostsFile, workdir, env } = words
  if (hosts === undefined && hostsFile === undefined) {
    const [name] = Object.entries({ '--workdir': workdir, '--env': env }).find(([, value]) => value !== undefined) ?? []
    if (name !== undefined) throw new OptionError(`${name} is about other machines; name them with --hosts`)
    return undefined
  }
  if (words.ungroup === true) throw new OptionError('--ungroup: tasks on other machines cannot print by themselves')
  return given({ names: hosts, file: hostsFile, workdir, env })
}
