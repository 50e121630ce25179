import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResultFiles, safeName } from '../../src/output/result-files.js'

describe('names of result files', () => {
  it.each([
    ['night-2.job_7', 'night-2.job_7'],
    ['a/b c', 'a%2fb%20c'],
    ['..', '%2e.'],
    ['.hidden', '%2ehidden'],
    ['7', 'id-7'],
    ['id-7', 'id-id-7'],
    ['id-x', 'id-x'],
    ['é', '%c3%a9'],
    ['100%', '100%25'],
  ])('%j is %j', (id, name) => expect(safeName(id)).toBe(name))

  it('are safe whatever the id is, and differ where ids do', () => {
    const id = fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.stringMatching(/^(id-)*\d{1,3}$/), fc.string())
    fc.assert(
      fc.property(id, id, fc.nat(2_000), (one, other, number) => {
        for (const name of [safeName(one), safeName(other)]) {
          expect(name).toMatch(/^[\w.%-]*$/)
          expect(name.startsWith('.')).toBe(false)
          expect(name.length).toBeLessThanOrEqual(200)
          expect(name).not.toBe(String(number))
        }
        expect(safeName(one) === safeName(other)).toBe(Buffer.from(one).equals(Buffer.from(other)))
      }),
    )
  })

  it('are short and still differ for ids that are long', () => {
    const long = 'x'.repeat(1_000)
    expect(safeName(`${long}1`)).toHaveLength(200)
    expect(safeName(`${long}1`)).not.toBe(safeName(`${long}2`))
  })

  it('are in a directory that only its owner can read, which is made', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-result-files-'))
    try {
      const files = await ResultFiles.open(join(folder, 'a/b'))
      expect(statSync(files.directory).mode & 0o777).toBe(0o700)
      expect(files.filesOf({ id: 'x' }, 4)).toEqual({
        stdout: join(folder, 'a/b/x.stdout'),
        stderr: join(folder, 'a/b/x.stderr'),
      })
      expect(files.filesOf({}, 4).stdout).toBe(join(folder, 'a/b/5.stdout'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
