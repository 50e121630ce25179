import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockJournalAgain } from '../../src/journal/journal-lock.js'
import type { Launcher, LauncherLock, LockOptions } from '../../src/launcher/port.js'
import { DroverError } from '../../src/task/errors.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-lock-again-'))
  file = join(folder, 'run.jsonl.lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const taken = {} as LauncherLock

/** A launcher whose locks fail with these codes, one after the other, and then are to be had. */
function failing(codes: readonly string[]): { launcher: Launcher; asked: (LockOptions | undefined)[] } {
  const left = [...codes]
  const asked: (LockOptions | undefined)[] = []
  const lock = async (_path: string, options?: LockOptions) => {
    asked.push(options)
    const code = left.shift()
    if (code !== undefined) throw new DroverError(code, `pretended ${code}`)
    return taken
  }
  return { launcher: Object.assign(new FakeLauncher(), { lock }), asked }
}

describe('the lock of a journal whose launcher has died', () => {
  it('is waited for while what is left of that launcher still holds it', async () => {
    writeFileSync(file, `${process.pid}\n`)
    const { launcher, asked } = failing(['ERR_DROVER_LOCKED'])
    expect(await lockJournalAgain('run.jsonl', file, launcher)).toBe(taken)
    expect(asked).toEqual([undefined, { wait: true, signal: expect.any(AbortSignal) }])
  })

  it('is asked for again when the next launcher dies too, but not for ever', async () => {
    const { launcher } = failing(Array(3).fill('ERR_DROVER_LAUNCHER_DIED'))
    expect(await lockJournalAgain('run.jsonl', file, launcher)).toBe(taken)
    const { launcher: hopeless } = failing(Array(100).fill('ERR_DROVER_LAUNCHER_DIED'))
    await expect(lockJournalAgain('run.jsonl', file, hopeless)).rejects.toMatchObject({ code: 'ERR_DROVER_JOURNAL' })
  })

  it('is lost when another drover was faster, which is named', async () => {
    writeFileSync(file, `${process.ppid}\n`)
    const { launcher, asked } = failing(['ERR_DROVER_LOCKED'])
    await expect(lockJournalAgain('run.jsonl', file, launcher)).rejects.toThrow(`written by process ${process.ppid}`)
    expect(asked).toHaveLength(1)
  })
})
