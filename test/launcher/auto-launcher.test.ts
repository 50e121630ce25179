import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoLauncher } from '../../src/launcher/auto-launcher.js'
import { findBinary } from '../../src/launcher/native/binary.js'
import { describeLauncherContract } from './contract.js'
import { startRecorded } from './recorder.js'

describeLauncherContract('auto', () => new AutoLauncher())

it('an auto launcher tells the first child of input that cannot be read, as any other', async () => {
  const launcher = new AutoLauncher()
  const stdin = { from: 'file', path: import.meta.filename, ranges: [[0, 2 ** 40]] } as const
  for (const child of [1, 2].map(() => startRecorded(launcher, { file: 'cat', stdin }))) {
    await child.whenClosed()
    expect(child.inputErrors).toMatchObject([{ code: 'ERR_DROVER_STDIN' }])
  }
  await launcher.close()
})

describe('auto launcher without a native one that works', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-auto-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('takes the node adapter when there is no binary', async () => {
    const launcher = new AutoLauncher({ binary: join(folder, 'missing') })
    expect(launcher.name).toBe('node')
    const child = startRecorded(launcher, { file: 'echo', args: ['fine'] })
    await child.whenClosed()
    expect(child.text('stdout')).toBe('fine\n')
    await launcher.close()
  })

  it('starts again by the node adapter what a binary that does not run was to start', async () => {
    const binary = join(folder, 'broken')
    // A header for this machine, and nothing behind it. A shell that takes it for a script reads `>` in it, for x64, and is
    // given something to write to there.
    const header = Buffer.from(readFileSync(findBinary()!).subarray(0, 64))
    header.write('/dev/null\n', 20)
    writeFileSync(binary, header)
    chmodSync(binary, 0o755)
    const launcher = new AutoLauncher({ binary })
    expect(launcher.name).toBe('native')
    const children = ['one', 'two', 'three'].map((text) => {
      const child = startRecorded(launcher, { file: 'cat', stdin: { from: 'pipe' } })
      child.child.write(text)
      child.child.endInput()
      return child
    })
    await Promise.all(children.map((child) => child.whenClosed()))
    expect(children.map((child) => child.text('stdout'))).toEqual(['one', 'two', 'three'])
    expect(children.map((child) => child.calls.filter((call) => call === 'spawn'))).toEqual([
      ['spawn'],
      ['spawn'],
      ['spawn'],
    ])
    expect(launcher.name).toBe('node')
    await launcher.close()
  })
})
