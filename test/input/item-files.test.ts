import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { all, file, open, readShown, shown } from './support/read.js'

const directory = mkdtempSync(join(tmpdir(), 'drover-input-'))
afterAll(() => rmSync(directory, { recursive: true }))

const p = ['p', '{}']

describe('files of items', () => {
  it('are read', async () => {
    const input = await open({ command: p, argFiles: [file(directory, 'items', 'a\nb\n')] })
    expect(input.total).toBe(2)
    expect((await all(input)).map(shown)).toEqual([
      ['p', 'a'],
      ['p', 'b'],
    ])
  })

  it('combine as groups do, also with stdin', async () => {
    const argFiles = [file(directory, 'first', 'a\nb'), file(directory, 'second', '1\n2\n3\n')]
    const input = await open({ command: ['p', '{1}{2}'], argFiles })
    expect(input.total).toBe(6)
    expect((await all(input)).map(shown).map((words) => (words as string[])[1])).toEqual([
      ...['a1', 'a2', 'a3'],
      ...['b1', 'b2', 'b3'],
    ])
    expect(await readShown({ command: ['p {2}{1}'], argFiles: [argFiles[0]!, '-'], stdin: 'x' })).toEqual([
      "p 'x''a'",
      "p 'x''b'",
    ])
    expect(await readShown({ command: ['p {2}{1}'], argFiles: ['-', argFiles[0]!], stdin: 'x' })).toEqual([
      "p 'a''x'",
      "p 'b''x'",
    ])
    const empty = await open({ command: p, argFiles: [argFiles[0]!, file(directory, 'empty', '')] })
    expect(empty.total).toBe(0)
    expect(await all(empty)).toEqual([])
  })

  it('are checked before anything is given', async () => {
    const bad = file(directory, 'bad', 'a,b\nc\n')
    await expect(open({ command: ['p {2}'], columnSeparator: ',', argFiles: [bad] })).rejects.toThrow(
      `${bad}, line 2: expected 2 columns`,
    )
    await expect(open({ command: p, maxLineBytes: 2, argFiles: [bad] })).rejects.toThrow(`${bad}, line 1: the line is`)
    await expect(open({ command: p, maxLineBytes: 2, argFiles: [file(directory, 'ok', 'a'), bad] })).rejects.toThrow(
      `${bad}, line 1`,
    )
    await expect(open({ command: p, argFiles: [file(directory, 'nul', 'a\n\0\n')] })).rejects.toThrow(
      'line 2: there is a NUL',
    )
  })

  it('are the same file for both readings', async () => {
    const path = file(directory, 'replaced', 'a\nb\n')
    const input = await open({ command: p, argFiles: [path] })
    renameSync(file(directory, 'other', 'c\n'), path)
    expect((await all(input)).map(shown)).toEqual([
      ['p', 'a'],
      ['p', 'b'],
    ])
  })

  it('give no more than was checked', async () => {
    const path = file(directory, 'growing', 'a\n')
    const input = await open({ command: p, argFiles: [path] })
    writeFileSync(path, 'b\n\0\n')
    expect((await all(input)).map(shown)).toEqual([['p', 'b']])
  })

  it('that cannot be read are named with the reason', async () => {
    symlinkSync('loop', join(directory, 'loop'))
    mkdirSync(join(directory, 'folder'))
    for (const [name, reason] of [
      ['missing', 'no such file or directory (ENOENT); check its name'],
      ['folder', 'is a directory; name a file in it (EISDIR)'],
      ['loop', '(ELOOP); check the symbolic links'],
      ['items/x', 'not a directory (ENOTDIR); check its name'],
    ] as const) {
      const path = join(directory, name)
      const expected = { code: 'ERR_DROVER_INPUT', message: expect.stringContaining(reason), place: { source: path } }
      await expect(open({ command: p, argFiles: [path] })).rejects.toMatchObject(expected)
      await expect(open({ tasks: path })).rejects.toMatchObject(expected)
    }
  })
})
