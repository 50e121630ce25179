import { userInfo } from 'node:os'
import { OptionError } from '../task/errors.js'
import type { Text } from '../task/task.js'

/** What a task finds where nothing is passed on: as for a job of cron or systemd, made up and not taken from this process. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The difference that turns this process's environment into that of a task: nothing of it is left, but for the variables that are
 * passed on; PATH, HOME, USER, LOGNAME, SHELL and LANG are there with plain values.
 *
 * @param pass - names, with `*` for any letters; `*` alone passes all.
 */
export function cleanEnvironment(
  pass: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<string, Text | null>> {
  const patterns = pass.map(patternOf)
  const isPassed = (name: string) => patterns.some((pattern) => pattern.test(name))
  const clean: Record<string, Text | null> = {}
  for (const name of Object.keys(env)) if (!isPassed(name)) clean[name] = null
  for (const [name, value] of Object.entries(plainVariables())) {
    if (!isPassed(name) || env[name] === undefined) clean[name] = value
  }
  return Object.freeze(clean)
}

/** @throws OptionError for what can be no name of a variable. */
export function patternOf(name: string): RegExp {
  if (!/^[^=\0\s]+$/.test(name))
    throw new OptionError(`passEnv: expected the name of a variable, not ${JSON.stringify(name)}`)
  return new RegExp(`^${name.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`)
}

function plainVariables(): Record<string, string> {
  const { username, homedir, shell } = userInfo()
  return {
    PATH,
    HOME: homedir,
    USER: username,
    LOGNAME: username,
    SHELL: shell ?? '/bin/sh',
    LANG: 'C.UTF-8',
  }
}
