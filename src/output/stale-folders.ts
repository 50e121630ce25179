import { promises, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '../task/sha256.js'

const FOLDER_NAME = /^drover-(\d+)-(?:([0-9a-f]{8})-)?/

/**
 * How the names of this process's spill folders begin: `drover-<pid>-<realm>-`. The realm stands for the host and the
 * PID namespace: below a folder that is shared between hosts or containers, a pid says nothing about another realm.
 */
export function folderPrefix(): string {
  return `drover-${process.pid}-${realm()}-`
}

/** Removes the spill folders below `tmpdir` that dead processes of the same user and realm left. Never rejects. */
export async function removeStaleFolders(tmpdir: string): Promise<void> {
  const names = await promises.readdir(tmpdir).catch(() => [])
  for (const name of names) {
    if (!isOfDeadProcess(name)) continue
    const path = join(tmpdir, name)
    try {
      const entry = await promises.lstat(path)
      if (!entry.isDirectory() || entry.uid !== (process.getuid?.() ?? entry.uid)) continue
      await promises.rm(path, { recursive: true, force: true })
    } catch {
      // Somebody else removes it at the same time, or it is not ours to remove.
    }
  }
}

function isOfDeadProcess(name: string): boolean {
  const [, pid, itsRealm] = FOLDER_NAME.exec(name) ?? []
  if (pid === undefined || (itsRealm !== undefined && itsRealm !== realm())) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

let knownRealm: string | undefined

function realm(): string {
  knownRealm ??= sha256().update(`${hostname()}\0${pidNamespace()}`).digest('hex').slice(0, 8)
  return knownRealm
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}
