import { accessSync, closeSync, constants, existsSync, openSync, readSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const LAUNCHER_NAME = 'drover-launcher'

/** ELF's numbers for the processors that Node runs on. */
const MACHINES: Readonly<Record<string, number>> = {
  x64: 62,
  ia32: 3,
  arm64: 183,
  arm: 40,
  riscv64: 243,
  ppc64: 21,
  s390x: 22,
  loong64: 258,
}

/** The launcher's binary: one that was built here, else the one that came with the package; null when there is none. */
export function findBinary(): string | null {
  const built = join('native', 'build', LAUNCHER_NAME)
  const places = [built, join('prebuilds', `${process.platform}-${process.arch}`, LAUNCHER_NAME)]
  for (const folder of launcherFolders()) {
    for (const place of places) if (existsSync(join(folder, place))) return join(folder, place)
  }
  return null
}

/**
 * Where launchers may be: from src/launcher/native, or from wherever a build has put this code, up to the package's own folder,
 * and no further: what is above it may be anybody's.
 */
export function* launcherFolders(): Generator<string, void> {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let up = 0; up < 5; up++) {
    yield folder
    if (existsSync(join(folder, 'package.json'))) return
    folder = dirname(folder)
  }
}

/**
 * Why a binary cannot run here; null when it can. Looks at the file only: starting it to find out would cost as much as
 * starting it.
 */
export function problemOfBinary(path: string): string | null {
  try {
    accessSync(path, constants.R_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return `there is no ${path}`
    return `${path} may not be executed (its permissions, or a file system mounted with noexec)`
  }
  const header = readHeader(path)
  if (header === null || !isElf(header)) return `${path} is not a program for ${process.platform}`
  const machine = isLittleEndian(header) ? header.readUInt16LE(18) : header.readUInt16BE(18)
  if (machine !== MACHINES[process.arch]) return `${path} is for another processor than ${process.arch}`
  return null
}

function readHeader(path: string): Buffer | null {
  const header = Buffer.alloc(64)
  let fd: number | null = null
  try {
    fd = openSync(path, 'r')
    return readSync(fd, header) === header.length ? header : null
  } catch {
    return null
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

function isElf(header: Buffer): boolean {
  return header.subarray(0, 4).equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]))
}

function isLittleEndian(header: Buffer): boolean {
  return header[5] === 1
}
