import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { makePages } from '../../scripts/api/pages.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDER = join(ROOT, 'docs/api')

/** Those that GitHub gives the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>()
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
      const anchor = heading!
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-')
      const count = seen.get(anchor) ?? 0
      seen.set(anchor, count + 1)
      return count === 0 ? anchor : `${anchor}-${count}`
    }),
  )
}

let made: ReturnType<typeof makePages>
beforeAll(() => {
  made = makePages(ROOT)
})

it('all that is exported, and each of its members and options, has a doc comment', () => {
  expect(made.gaps).toEqual([])
})

it('docs/api/ is as the comments have it: npm run docs makes it anew', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(made.pages).sort())
  for (const [name, text] of Object.entries(made.pages))
    expect(text === readFileSync(join(FOLDER, name), 'utf8'), name).toBe(true)
})

it('there is a page for each entry of the package, whose links are found', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(Object.keys(made.pages)).toHaveLength(Object.keys(exports).length)
  for (const [name, text] of Object.entries(made.pages)) {
    const links = [...text.matchAll(/\]\((\w+\.md)?#([\w-]+)\)/g)]
    const dead = links.filter(([, page, anchor]) => !anchorsOf(made.pages[page ?? name]!).has(anchor!))
    expect(
      dead.map(([link]) => link),
      name,
    ).toEqual([])
  }
})
