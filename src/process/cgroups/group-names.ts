import { join } from 'node:path'
import { uniqueId } from '../../task/unique-id.js'
import type { GroupFiles } from './group-files.js'

/** All groups of this process have it in their names, and no others, whatever had its pid before. */
const OWN = `drover-${process.pid}-${uniqueId().slice(0, 6)}-`

let count = 0

/** A name for a group that no other of this process has. */
export function groupName(): string {
  count += 1
  return `${OWN}${count}`
}

/** The name of the group that this process itself moves to. */
export function selfName(): string {
  return `${OWN}self`
}

/** Removes the groups of processes that are no more, which had no time to do so. One that has processes in it stays. */
export function removeStale(files: GroupFiles, folder: string): void {
  for (const name of files.folders(folder)) {
    const pid = Number(/^drover-(\d+)-/.exec(name)?.[1] ?? 0)
    if (pid > 0 && !name.startsWith(OWN) && (pid === process.pid || !isAlive(pid)))
      removeFolders(files, join(folder, name))
  }
}

/** Removes a group and those below. @returns whether it is gone. */
export function removeFolders(files: GroupFiles, folder: string): boolean {
  for (const name of files.folders(folder)) removeFolders(files, join(folder, name))
  try {
    files.removeFolder(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
