import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LAUNCHER_NAME, launcherFolders } from './binary.js'

/** A launcher for some kind of machine, which need not be this one. */
export interface LauncherBuild {
  /** What `uname -s -m` says there. */
  readonly systems: readonly string[]
  readonly path: string
  readonly bytes: Buffer
  readonly sha256: string
}

/** What the kernel calls the processors that Node has names for. */
const MACHINES: Readonly<Record<string, readonly string[]>> = {
  x64: ['x86_64'],
  ia32: ['i686', 'i586', 'i386'],
  arm64: ['aarch64'],
  arm: ['armv7l', 'armv6l'],
  riscv64: ['riscv64'],
  ppc64: ['ppc64le'],
  s390x: ['s390x'],
  loong64: ['loongarch64'],
}

let known: readonly LauncherBuild[] | null = null

/** All launchers that are there, one for each kind of machine; read once. */
export function launcherBuilds(): readonly LauncherBuild[] {
  known ??= findBuilds()
  return known
}

function findBuilds(): LauncherBuild[] {
  const builds = new Map<string, LauncherBuild>()
  for (const folder of launcherFolders()) {
    const prebuilds = join(folder, 'prebuilds')
    const platforms = existsSync(prebuilds) ? readdirSync(prebuilds) : []
    const places: [platform: string, path: string][] = [
      [`${process.platform}-${process.arch}`, join(folder, 'native', 'build', LAUNCHER_NAME)],
      ...platforms.map((platform): [string, string] => [platform, join(prebuilds, platform, LAUNCHER_NAME)]),
    ]
    for (const [platform, path] of places) {
      const machines = MACHINES[platform.replace(/^linux-/, '')]
      if (machines === undefined || builds.has(platform) || !existsSync(path)) continue
      const bytes = readFileSync(path)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      builds.set(platform, { systems: machines.map((machine) => `Linux ${machine}`), path, bytes, sha256 })
    }
  }
  return [...builds.values()]
}
