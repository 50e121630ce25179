import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Whether this process may read from its terminal and change how that behaves. Who does so in the background, as after `&`, is
 * stopped by the system. False where it has none, and where nobody can tell.
 */
export function isInForeground(): boolean {
  try {
    // The name of the program is in parentheses and may hold anything.
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const [, , , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(')') + 1).split(' ')
    return group === terminalGroup
  } catch {
    return saysPs()
  }
}

function saysPs(): boolean {
  try {
    const args = ['-o', 'stat=', '-p', String(process.pid)]
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).includes('+')
  } catch {
    return false
  }
}
