import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, it } from 'vitest'
import { PAGES, ROOT, textOf } from './pages.js'

/** Without blocks and spans of code, in which brackets mean something else. */
function prose(page: string): string {
  return textOf(page)
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, 'code')
}

/** What a heading is called in a link, as the usual renderers of Markdown do it. */
function anchorsOf(page: string): string[] {
  const headings = [
    ...textOf(page)
      .replaceAll(/^```.*?^```$/gms, '')
      .matchAll(/^#{1,6} (.*)$/gm),
  ]
  return headings.map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

interface Link {
  readonly page: string
  readonly target: string
}

function linksOf(page: string): Link[] {
  const targets = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => ({ page, target }))
}

/** Where a link leads, relative to the package. */
function placeOf({ page, target }: Link): { file: string; anchor: string | null } {
  const [path, anchor] = target.split('#') as [string, string?]
  return { file: path === '' ? page : normalize(join(dirname(page), path)), anchor: anchor ?? null }
}

const links = [...PAGES, 'CHANGELOG.md', 'RELEASING.md'].flatMap(linksOf)

it('there are links', () => expect(links.length).toBeGreaterThan(50))

it.each(links)('$page: $target leads somewhere', (link) => {
  const { file, anchor } = placeOf(link)
  expect(existsSync(join(ROOT, file)), `there is no ${file}`).toBe(true)
  if (anchor !== null) expect(anchorsOf(file)).toContain(anchor)
})

it('what is read from the README to the last page by following "Next:" are all pages, each of them once', () => {
  const read: string[] = []
  for (let page: string | undefined = 'README.md'; page !== undefined; ) {
    expect(read, `${page} comes again`).not.toContain(page)
    read.push(page)
    const target: string | undefined = /^Next: \[[^\]]+\]\(([^)]+)\)/m.exec(textOf(page))?.[1]
    page = target === undefined ? undefined : placeOf({ page, target }).file
  }
  const docs = PAGES.filter((page) => page.startsWith('docs/'))
  expect(read.filter((page) => page.startsWith('docs/')).sort()).toEqual([...docs].sort())
})

it('the README has all pages in its list', () => {
  const listed = linksOf('README.md').map((link) => placeOf(link).file)
  expect(PAGES.filter((page) => page.startsWith('docs/') && !listed.includes(page))).toEqual([])
})
