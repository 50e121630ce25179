import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll } from 'vitest'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const execute = promisify(execFile)

export interface Consumer {
  /** A project of a user's, with the packed package installed and nothing else. */
  readonly folder: string
  /** The package in there. */
  readonly installed: string
}

/** Packs the package and installs it into an empty folder as a user does, before the tests of this file. */
export function consumer(): Consumer {
  const folder = mkdtempSync(join(tmpdir(), 'drover-packed-'))
  beforeAll(async () => {
    const packing = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
    const { stdout } = await execute('npm', packing, { cwd: ROOT })
    writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}')
    const installing = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
    await execute('npm', [...installing, join(folder, stdout.trim())], { cwd: folder })
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, installed: join(folder, 'node_modules/drover') }
}
