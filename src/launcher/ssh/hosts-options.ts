import { readFileSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { OptionError } from '../../task/errors.js'
import type { Launcher } from '../port.js'
import { checkHosts, type HostSpec, parseHostLines, parseHosts } from './host-list.js'
import { SshLauncher } from './ssh-launcher.js'

/** On which machines tasks run, and how they are reached: with the system's ssh, and nothing else installed there. */
export interface HostsOptions {
  /**
   * Names as ssh takes them, each with a number of tasks at once after a colon where that is not to be as many as it has CPUs: `a,user@b:4`.
   * `:` is this machine, without ssh.
   */
  readonly names?: string | readonly string[] | undefined
  /** A file with more of them, one a line; `#` begins a comment. */
  readonly file?: string | undefined
  /** The folder that tasks run in there; relative to the home there. Default: the same folder as this process's. */
  readonly workdir?: string | undefined
  /** Variables of this process's environment that tasks there get, besides those of the login there and their own. Default: none. */
  readonly env?: readonly string[] | undefined
  /** Whether the files of {@link Task.transfer} and {@link Task.return} are removed there when their task has ended. Default: false. */
  readonly cleanup?: boolean | undefined
  /**
   * Milliseconds without a word after which a connection is taken for gone, by both sides: here its tasks are `lost`, there all is ended.
   * At least 500. Default: 20,000.
   */
  readonly silenceMs?: number | undefined
  /** Milliseconds that ssh may take to connect. Default: 30,000. */
  readonly connectTimeoutMs?: number | undefined
}

const KNOWN: readonly string[] = ['names', 'file', 'workdir', 'env', 'cleanup', 'silenceMs', 'connectTimeoutMs']

const SHORTEST_SILENCE_MS = 500
const LONGEST_MS = 24 * 3_600_000

/**
 * @param local - starts what is for this machine.
 * @throws OptionError that names the option and what was expected; InputError for a line of the file.
 */
export function hostsLauncher(given: string | readonly string[] | HostsOptions, local: Launcher): SshLauncher {
  const options: HostsOptions =
    typeof given === 'string' || Array.isArray(given) ? { names: given } : (given as HostsOptions)
  if (typeof options !== 'object' || options === null)
    throw new OptionError(`hosts: expected names, or an object with names, not ${String(given)}`)
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw new OptionError(`hosts: there is no option ${name}; known are ${KNOWN.join(', ')}`)
  }
  const { names, file, workdir, env = [], cleanup = false, silenceMs = 20_000, connectTimeoutMs = 30_000 } = options
  const hosts = [...(names === undefined ? [] : named(names)), ...(file === undefined ? [] : read(file))]
  checkHosts(hosts)
  if (workdir !== undefined && (typeof workdir !== 'string' || workdir === '' || workdir.includes('\0')))
    throw new OptionError(`hosts: workdir: expected a folder, not ${JSON.stringify(workdir)}`)
  for (const name of env) {
    if (typeof name !== 'string' || !/^[^=\0]+$/.test(name))
      throw new OptionError(`hosts: env: expected names of variables, not ${JSON.stringify(name)}`)
  }
  if (typeof cleanup !== 'boolean')
    throw new OptionError(`hosts: cleanup: expected true or false, not ${String(cleanup)}`)
  checkMs('silenceMs', silenceMs, SHORTEST_SILENCE_MS)
  checkMs('connectTimeoutMs', connectTimeoutMs, 1)
  return new SshLauncher({ hosts, local, workdir: workdir ?? null, env, cleanup, silenceMs, connectTimeoutMs })
}

function named(names: string | readonly string[]): HostSpec[] {
  return (typeof names === 'string' ? [names] : names).flatMap((each) => {
    if (typeof each !== 'string') throw new OptionError(`hosts: expected names, not ${String(each)}`)
    return parseHosts(each)
  })
}

function read(file: string): HostSpec[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { errno, message } = error as NodeJS.ErrnoException
    const reason = (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message
    const what = file === '' ? 'a file without a name' : file
    throw new OptionError(
      `hosts: ${what} cannot be read: ${reason}; name a file with a host on each line, as in user@host:4`,
    )
  }
  return parseHostLines(text, file)
}

function checkMs(name: string, value: number, least: number): void {
  if (typeof value === 'number' && value >= least && value <= LONGEST_MS) return
  throw new OptionError(`hosts: ${name}: expected milliseconds from ${least} to ${LONGEST_MS}, not ${String(value)}`)
}
