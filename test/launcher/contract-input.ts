import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Launcher } from '../../src/launcher/port.js'
import { recordedStarts } from './recorder.js'

/** The part of the contract that is about standard input. */
export function describeInput(launcherOf: () => Launcher): void {
  const { start, shell } = recordedStarts(launcherOf)

  describe('standard input', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'drover-contract-'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it('is empty by default', async () => {
      const child = shell('wc -c')
      await child.whenClosed()
      expect(child.text('stdout').trim()).toBe('0')
    })

    it('takes bytes of any size, while the child prints as much', async () => {
      const bytes = Buffer.alloc(3_000_001, 'abc\n')
      const child = start('cat', [], { stdin: { from: 'bytes', bytes } })
      await child.whenClosed()
      expect(Buffer.concat(child.chunks.stdout).equals(bytes)).toBe(true)
    })

    it('takes a file', async () => {
      writeFileSync(join(folder, 'in'), 'from a file')
      const child = start('cat', [], { stdin: { from: 'file', path: join(folder, 'in') } })
      await child.whenClosed()
      expect(child.text('stdout')).toBe('from a file')
    })

    for (const direct of [undefined, { reusesChunks: false }]) {
      it(`tells who writes on that nobody reads any more${direct === undefined ? '' : ', directly'}`, async () => {
        const child = shell('exec <&-; sleep 600', { stdin: { from: 'pipe' }, direct })
        const piece = Buffer.alloc(65_536, 'x')
        const deadline = performance.now() + 10_000
        let vain = 0
        while (child.inputClosed === 0) {
          if (performance.now() > deadline) throw new Error('it is not told')
          const before = child.drains
          if (child.child.write(piece)) vain += 1
          else await child.when('it is told', () => child.drains > before || child.inputClosed > 0)
          await new Promise((resolve) => setImmediate(resolve))
        }
        // As much as may be on its way, and no more.
        expect(vain).toBeLessThan(1_000)
        await child.child.signalTree('SIGKILL')
        await child.whenClosed()
        expect(child.inputClosed).toBe(1)
      })
    }

    it('takes parts of a file, one after the other', async () => {
      const path = join(folder, 'parts')
      const bytes = Buffer.alloc(3_000_001, 'abcdefg')
      writeFileSync(path, bytes)
      const ranges = [
        [5, 5],
        [1, 3],
        [2_999_999, 3_000_001],
        [10, 2_500_000],
      ] as const
      const child = start('cat', [], { stdin: { from: 'file', path, ranges } })
      await child.whenClosed()
      const parts = ranges.map(([from, end]) => bytes.subarray(from, end))
      expect(Buffer.concat(child.chunks.stdout).equals(Buffer.concat(parts))).toBe(true)
      expect(child.inputErrors).toEqual([])
    })

    it('of parts of a file that the child does not read is no failure', async () => {
      const path = join(folder, 'parts')
      writeFileSync(path, Buffer.alloc(5_000_000))
      const child = shell('exec <&-; echo closed', { stdin: { from: 'file', path, ranges: [[0, 5_000_000]] } })
      await child.whenClosed()
      expect(child.exit).toMatchObject({ exitCode: 0 })
      expect(child.inputErrors).toEqual([])
    })

    it('that ends before the part that was asked for is told, and before the end of the child', async () => {
      const path = join(folder, 'short')
      writeFileSync(path, 'abc')
      const child = start('cat', [], { stdin: { from: 'file', path, ranges: [[1, 10]] } })
      await child.whenClosed()
      expect(child.text('stdout')).toBe('bc')
      expect(child.inputErrors).toMatchObject([{ code: 'ERR_DROVER_STDIN', message: expect.stringContaining(path) }])
      expect(child.calls.indexOf('input-failed')).toBeLessThan(child.calls.indexOf('exit'))
    })

    it('cannot be parts of what is no regular file, or parts that cannot be', async () => {
      const errorOf = async (path: string, ranges: readonly (readonly [number, number])[]) => {
        const child = start('cat', [], { stdin: { from: 'file', path, ranges } })
        await child.when('it has failed', () => child.spawnError !== null)
        return child.spawnError!
      }
      expect(await errorOf(folder, [[0, 1]])).toMatchObject({
        code: 'EISDIR',
        message: expect.stringContaining(folder),
      })
      expect(await errorOf('/dev/null', [[0, 1]])).toMatchObject({ code: 'ESPIPE' })
      expect(await errorOf(join(folder, 'none'), [[0, 1]])).toMatchObject({ code: 'ENOENT' })
      for (const bad of [[], [[2, 1]], [[-1, 1]], [[0, 0.5]]] as [number, number][][]) {
        expect(await errorOf(join(folder, 'in'), bad)).toMatchObject({ code: 'ERR_DROVER_OPTION' })
      }
    })

    it('is fed piece by piece, and ends', async () => {
      const child = start('cat', [], { stdin: { from: 'pipe' } })
      child.child.write('one ')
      await child.when('the first piece is back', () => child.text('stdout') === 'one ')
      child.child.write(Buffer.from('two'))
      child.child.endInput()
      await child.whenClosed()
      expect(child.text('stdout')).toBe('one two')
    })

    it('asks the writer to wait when the child does not read, and to go on', async () => {
      const child = shell('read line; cat >/dev/null; echo done', { stdin: { from: 'pipe' } })
      const piece = Buffer.alloc(65_536, 'x')
      let written = 0
      while (child.child.write(piece)) {
        written += piece.length
        if (written > 64 * 1024 * 1024) throw new Error('64 MiB were taken without a word')
      }
      child.child.write('\n')
      await child.when('there is room again', () => child.drains > 0)
      child.child.endInput()
      await child.whenClosed()
      expect(child.text('stdout')).toBe('done\n')
    })

    it('that the child closes early is no failure', async () => {
      const child = shell('exec <&-; echo closed', { stdin: { from: 'bytes', bytes: Buffer.alloc(5_000_000) } })
      await child.whenClosed()
      expect(child.exit).toMatchObject({ exitCode: 0 })
      expect(child.child.write('late')).toBe(true)
    })
  })
}
