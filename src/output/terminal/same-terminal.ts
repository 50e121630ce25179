import { fstatSync, statSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Whether standard output and standard error go to one terminal, whatever it was opened as. */
export function isSameTerminal(): boolean {
  if (!isatty(1) || !isatty(2)) return false
  try {
    const [stdout, stderr] = [fstatSync(1).rdev, fstatSync(2).rdev]
    const own = statSync('/dev/tty').rdev
    return stdout === stderr || stdout === own || stderr === own
  } catch {
    return true
  }
}
