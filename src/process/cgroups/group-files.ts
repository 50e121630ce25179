import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

/** The files of control groups; all of it is at once, since the kernel answers from memory. */
export interface GroupFiles {
  /** The text of a file; null where there is none. */
  read(path: string): string | null
  /** Writes to a file that is there. @throws what the system says. */
  write(path: string, text: string): void
  /** @throws what the system says. */
  makeFolder(path: string): void
  /** @throws what the system says, as `EBUSY` while processes are in it. */
  removeFolder(path: string): void
  /** The names of the folders in a folder. */
  folders(path: string): string[]
}

export const groupFiles: GroupFiles = {
  read(path) {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return null
    }
  },
  write(path, text) {
    writeFileSync(path, text, { flag: 'r+' })
  },
  makeFolder(path) {
    mkdirSync(path)
  },
  removeFolder(path) {
    rmdirSync(path)
  },
  folders(path) {
    try {
      return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    } catch {
      return []
    }
  },
}
