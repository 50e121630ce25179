import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBinary } from '../../src/launcher/native/binary.js'
import { until } from '../helpers/until.js'
import { buildParent } from './native-processes.js'

describe('native launcher: niceness and limits without privileges', () => {
  let folder: string
  let parents: Awaited<ReturnType<typeof buildParent>>

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'drover-native-limits-'))
    chmodSync(folder, 0o755)
    parents = await buildParent()
  })
  afterAll(() => {
    parents.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  it.skipIf(process.getuid?.() !== 0)('are refused by the system, and the error says which', async () => {
    const binary = join(folder, 'launcher-for-all')
    copyFileSync(findBinary()!, binary)
    chmodSync(binary, 0o755)
    const parent = parents.run(binary, 'unprivileged')
    await until('it has ended', () => parent.ended)
    const [nice, limit, lower] = parent.output.trim().split('\n')
    expect(nice).toMatch(/^(EACCES|EPERM) cannot set the niceness of \/bin\/sh, -5 added to the launcher's: /)
    expect(limit).toMatch(/^EPERM cannot set the limit of open files of \/bin\/sh to \d+: /)
    expect(lower).toBe('fine')
  })
})
