import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A file system of its own, until the test ends; null where this user may not have one. */
export function mountDisk(options: string): { path: string; remount: (options: string) => void } | null {
  const path = mkdtempSync(join(tmpdir(), 'drover-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    rmSync(path, { recursive: true })
    return null
  }
  onTestFinished(() => {
    // Lazily, since a file on it may still be open for a moment.
    execFileSync('umount', ['-l', path])
    rmSync(path, { recursive: true })
  })
  return { path, remount: (changed) => void execFileSync('mount', ['-o', `remount,${changed}`, path]) }
}
