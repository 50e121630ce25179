import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestHosts } from '../hosts/sshd.js'
import { DocFolder } from './doc-folder.js'
import { blocksOfPages } from './pages.js'

const folder = new DocFolder()
const [shared, carried] = blocksOfPages('docs/hosts.md')['docs/hosts.md'].take('sh')

let hosts: TestHosts
beforeAll(async () => {
  hosts = await TestHosts.start([{ name: 'one' }, { name: 'two' }])
}, 60_000)
afterAll(() => {
  hosts?.end()
  folder.remove()
})

const NAMES = ['a.log', 'b c.log', 'd.log', 'e.log']

/** Runs a line in a folder with some files; gives what is there then, unpacked. */
async function compressed(line: string, name: string): Promise<Record<string, string>> {
  const cwd = join(folder.path, name)
  mkdirSync(cwd)
  for (const each of NAMES) writeFileSync(join(cwd, each), `this is ${each}`)
  const { stderr } = await folder.shell(`cd ${name} && PATH='${hosts.bin}':$PATH && ${line}`)
  expect(stderr).toBe('')
  const packed = readdirSync(cwd).filter((each) => each.endsWith('.gz'))
  return Object.fromEntries(packed.map((each) => [each, gunzipSync(readFileSync(join(cwd, each))).toString()]))
}

const all = Object.fromEntries(NAMES.map((name) => [`${name}.gz`, `this is ${name}`]))

it('docs/hosts.md: its line for a folder that all hosts have does its work on them', async () => {
  expect(await compressed(shared!, 'shared')).toEqual(all)
})

it('docs/hosts.md: its line for files that go along brings them back', async () => {
  const workdir = join(folder.path, 'there')
  expect(await compressed(carried!.replace('drover-work', `'${workdir}'`), 'carried')).toEqual(all)
  expect(existsSync(workdir)).toBe(true)
  expect(readdirSync(workdir)).toEqual([])
})
