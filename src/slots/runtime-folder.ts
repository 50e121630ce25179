import { lstatSync, mkdirSync, type Stats } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DroverError } from '../task/errors.js'

/**
 * The folder for what drovers of this user share while they run, which nobody else can look into: `drover` in `$XDG_RUNTIME_DIR`, else
 * `drover-UID` in the folder for temporary files. It is made when it is not there.
 *
 * @throws DroverError `ERR_DROVER_FOLDER` when it is somebody else's, or others may write to it.
 */
export function runtimeFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = process.getuid?.() ?? 0
  const given = env.XDG_RUNTIME_DIR
  const path = given !== undefined && isUsable(given, own) ? join(given, 'drover') : join(tmpdir(), `drover-${own}`)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const status = lstatSync(path)
  if (!isPrivate(status, own)) {
    throw new DroverError(
      'ERR_DROVER_FOLDER',
      `${path} is not a folder of this user's alone; remove it, or set XDG_RUNTIME_DIR to one that is`,
    )
  }
  return path
}

function isUsable(path: string, uid: number): boolean {
  try {
    const status = lstatSync(path)
    return path.startsWith('/') && status.isDirectory() && status.uid === uid
  } catch {
    return false
  }
}

function isPrivate(status: Stats, uid: number): boolean {
  return status.isDirectory() && status.uid === uid && (status.mode & 0o077) === 0
}
