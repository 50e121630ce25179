import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { OptionError } from '../../task/errors.js'
import { parseKeys, type TrustKey } from './trust-key.js'

const MAX_BYTES = 1024 * 1024

/**
 * Reads the keys in a file; it may be a pipe, as the shell's `<(…)` is.
 *
 * A file with a secret or a private key must be this user's and closed to all others, or root's and at most readable for its group.
 * One with public keys must not be writable for others than its owner, who is this user or root.
 *
 * @throws OptionError when it cannot be read, does not hold a key, or others have access to it.
 */
export function readKeyFile(path: string): readonly TrustKey[] {
  const { content, status } = read(path)
  const keys = parseKeys(content, path)
  // Windows has no such modes.
  if (process.getuid !== undefined) {
    const isSecret = keys.some((key) => key.isSecret)
    checkAccess(path, status, isSecret, process.getuid())
  }
  return keys
}

/**
 * The content of a file with a secret that is no key. The same is demanded of it as of a secret key.
 *
 * @throws OptionError as {@link readKeyFile}.
 */
export function readSecretFile(path: string): Buffer {
  const { content, status } = read(path)
  if (process.getuid !== undefined) checkAccess(path, status, true, process.getuid())
  return content
}

/** The keys of several files, one after the other. */
export function readKeyFiles(paths: readonly string[]): readonly TrustKey[] {
  return paths.flatMap(readKeyFile)
}

function read(path: string): { content: Buffer; status: Stats } {
  let file: number | null = null
  try {
    file = openSync(path, 'r')
    const status = fstatSync(file)
    const chunks: Buffer[] = []
    let size = 0
    while (size <= MAX_BYTES) {
      const chunk = Buffer.alloc(64 * 1024)
      const count = readSync(file, chunk)
      if (count === 0) return { content: Buffer.concat(chunks), status }
      chunks.push(chunk.subarray(0, count))
      size += count
    }
  } catch (error) {
    throw new OptionError(`the file ${path} cannot be read: ${(error as Error).message}`)
  } finally {
    if (file !== null) closeSync(file)
  }
  throw new OptionError(`the file ${path} is longer than ${MAX_BYTES} bytes; it is no secret or key`)
}

function checkAccess(path: string, { mode, uid }: Stats, isSecret: boolean, own: number): void {
  const permissions = `0${(mode & 0o777).toString(8)}`
  if (uid !== own && uid !== 0)
    throw new OptionError(`the file ${path} belongs to user ${uid}, who could change it; make it yours (chown)`)
  if (isSecret && (mode & (uid === own ? 0o077 : 0o037)) !== 0) {
    throw new OptionError(
      `the file ${path} can be read or written by others (its mode is ${permissions}), but it holds a secret; run "chmod 600 ${path}", and make a new one if others may have read it`,
    )
  }
  if ((mode & 0o022) !== 0) {
    throw new OptionError(
      `the file ${path} can be written by others (its mode is ${permissions}), who could put keys of their own into it; run "chmod go-w ${path}"`,
    )
  }
}
