import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { DroverError } from '../../task/errors.js'

const PROGRAMS = ['redis-server', 'valkey-server']

/**
 * The first server program on the PATH.
 *
 * @throws DroverError `ERR_DROVER_NO_SERVER` when there is none; the message has the command that installs one.
 */
export function findServerProgram(path = process.env.PATH ?? ''): string {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  // Where administrators' programs are not on the PATH of others.
  for (const folder of [...folders, '/usr/sbin', '/usr/local/sbin']) {
    for (const name of PROGRAMS) {
      const program = join(folder, name)
      if (isProgram(program)) return program
    }
  }
  throw new DroverError(
    'ERR_DROVER_NO_SERVER',
    `no queue was given, and there is no ${PROGRAMS.join(' or ')} here to start one; ${installAdvice()}, or give the address of a server with --queue`,
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const COMMANDS: readonly (readonly [systems: readonly string[], command: string])[] = [
  [['debian', 'ubuntu'], 'sudo apt-get install -y redis-server'],
  [['fedora', 'rhel', 'centos'], 'sudo dnf install -y valkey'],
  [['alpine'], 'sudo apk add valkey'],
  [['arch'], 'sudo pacman -S --noconfirm valkey'],
  [['suse', 'opensuse'], 'sudo zypper install -y valkey'],
]

/** How a server is installed on a system of this kind. */
export function installAdvice(system: NodeJS.Platform = process.platform, release = osRelease()): string {
  if (system === 'darwin') return 'install it with "brew install redis"'
  const ids = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].flatMap((line) =>
    line[1]!.replaceAll(/["']/g, '').split(' '),
  )
  const command = COMMANDS.find(([systems]) => systems.some((name) => ids.includes(name)))?.[1]
  return command === undefined ? 'install Redis or Valkey' : `install it with "${command}"`
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8')
  } catch {
    return ''
  }
}
