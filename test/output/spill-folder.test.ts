import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SpillFolder } from '../../src/output/spill-folder.js'
import { temporaryFolder, until } from './support.js'

test('the folder is private, made with the first file and removed at the end', async () => {
  const tmpdir = temporaryFolder()
  const folder = new SpillFolder({ tmpdir, openFiles: 1 })
  expect(readdirSync(tmpdir)).toEqual([])
  const [held, named] = [await folder.create(), await folder.create()]
  expect(folder.path).toMatch(new RegExp(`^${tmpdir}/drover-${process.pid}-`))
  expect(statSync(folder.path!).mode & 0o777).toBe(0o700)
  const names = readdirSync(folder.path!)
  expect([held.isHeld, named.isHeld]).toEqual([true, false])
  expect(names).toHaveLength(1)
  expect(statSync(join(folder.path!, names[0]!)).mode & 0o777).toBe(0o600)
  for (const file of [held, named]) {
    await file.write([Buffer.from('abc'), Buffer.from('def')], 2)
    expect((await file.read(4, 3)).toString()).toBe('cde')
  }
  await named.close()
  expect(readdirSync(folder.path!)).toEqual([])
  expect(folder.fileCount).toBe(1)
  await folder.close()
  expect(readdirSync(tmpdir)).toEqual([])
  await expect(folder.create()).rejects.toMatchObject({ code: 'ERR_DROVER_CLOSED' })
})

test('the number of held descriptors is bounded, and a closed file makes room', async () => {
  const folder = new SpillFolder({ tmpdir: temporaryFolder(), openFiles: 2 })
  const files = await Promise.all(Array.from({ length: 6 }, () => folder.create()))
  expect(files.filter((file) => file.isHeld)).toHaveLength(2)
  await files.find((file) => file.isHeld)!.close()
  expect((await folder.create()).isHeld).toBe(true)
  await folder.close()
})

test('folders of dead processes are removed, others are not', async () => {
  const tmpdir = temporaryFolder()
  const dead = spawnSync('true').pid
  const stale = [`drover-${dead}-abc`, `drover-${dead}-xyz`]
  const others = [`drover-${process.pid}-abc`, `drover-1-abc`, `drover-${dead}-00000000-elsewhere`, `drove-${dead}-abc`]
  for (const name of [...stale, ...others]) mkdirSync(join(tmpdir, name))
  for (const name of stale) writeFileSync(join(tmpdir, name, 'output-1'), 'old')
  writeFileSync(join(tmpdir, `drover-${dead}-file`), 'not a folder')
  symlinkSync(join(tmpdir, `drove-${dead}-abc`), join(tmpdir, `drover-${dead}-link`))
  const folder = new SpillFolder({ tmpdir })
  await folder.create()
  await until(() => stale.every((name) => !existsSync(join(tmpdir, name))))
  const ours = folder.path!
  await folder.close()
  expect(readdirSync(tmpdir).sort()).toEqual([...others, `drover-${dead}-file`, `drover-${dead}-link`].sort())
  expect(existsSync(ours)).toBe(false)
})

test('a folder that cannot be made is named with the reason and the flag', async () => {
  const tmpdir = join(temporaryFolder(), 'missing')
  const expected = { code: 'ERR_DROVER_SPILL', message: expect.stringMatching(`${tmpdir}: ENOENT.*--tmpdir`) }
  await expect(new SpillFolder({ tmpdir }).create()).rejects.toMatchObject(expected)
  await expect(new SpillFolder({ tmpdir }).tryCreate()).rejects.toMatchObject(expected)
})

test('a folder that somebody tidied away is made again', async () => {
  const folder = new SpillFolder({ tmpdir: temporaryFolder() })
  await folder.create()
  rmSync(folder.path!, { recursive: true })
  expect((await folder.create()).isHeld).toBe(true)
  await folder.close()
})

test('removeSync removes at once and never throws', async () => {
  const tmpdir = temporaryFolder()
  const folder = new SpillFolder({ tmpdir, openFiles: 0 })
  folder.removeSync()
  await folder.create()
  expect(readdirSync(folder.path!)).toHaveLength(1)
  chmodSync(folder.path!, 0o700)
  folder.removeSync()
  folder.removeSync()
  expect(readdirSync(tmpdir)).toEqual([])
  await folder.close()
})

test('closing waits for what is under way', async () => {
  const folder = new SpillFolder({ tmpdir: temporaryFolder() })
  const file = await folder.create()
  const writing = file.write([Buffer.alloc(1_000_000)], 0)
  const creating = folder.create()
  await folder.close()
  await expect(writing).resolves.toBeUndefined()
  await creating
  expect(folder.fileCount).toBe(0)
})
