import { readdirSync, readFileSync } from 'node:fs'

/** The pids of living processes whose command line has the text in it. */
export function livingWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) &&
          !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
        )
      } catch {
        return false
      }
    })
    .map(Number)
}
