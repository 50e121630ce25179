import { rmSync } from 'node:fs'

/** Files that are being written, under the names that they have until they are whole. */
export const unfinished = new Set<string>()

/** For who dies of a signal: nothing else would ever remove them. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true })
}
