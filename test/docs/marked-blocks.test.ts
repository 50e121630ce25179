import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Block, blocksOf, PAGES, REASONS, ROOT, textOf } from './pages.js'

const all = PAGES.flatMap(blocksOf)
const marked = all.filter(({ notRun }) => notRun !== null)
const reading = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const { scripts, devDependencies, peerDependencies } = JSON.parse(reading('package.json'))

it('every comment about a block is before one, and gives one of the reasons', () => {
  const comments = PAGES.flatMap((page) => textOf(page).match(/<!-- not run.*/g) ?? [])
  expect(comments).toHaveLength(marked.length)
  for (const { notRun } of marked) expect(REASONS).toContain(notRun)
})

it('every page with other blocks is one whose blocks a test takes', () => {
  const folders = ['test/docs', 'test/clients']
  const tests = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => reading(`${folder}/${name}`)),
  )
  const calls = tests.flatMap((text) => text.match(/blocksOfPages\([^)]*\)/g) ?? []).join()
  const pages = new Set(all.filter(({ notRun }) => notRun === null).map(({ page }) => page))
  expect([...pages].filter((page) => !calls.includes(`'${page}'`))).toEqual([])
})

/** What can be said of a block without running it. */
const CHECKS: Readonly<Record<(typeof REASONS)[number], (block: Block) => void>> = {
  'a drawing': ({ language }) => expect(language).toBe(''),
  'a screen': ({ language, code }) => {
    expect(language).toBe('')
    expect(code).toMatch(/^(\$ )?drover\b/)
  },
  'installs packages': ({ code }) => {
    for (const line of code.trimEnd().split('\n')) {
      expect(line).toMatch(/^npm install /)
      const names = line.replace(/ *#.*/, '').split(' ').slice(2)
      for (const name of names) expect({ ...devDependencies, ...peerDependencies }).toHaveProperty([name])
    }
  },
  'takes long': ({ code }) => {
    execFileSync('bash', ['-n', '-c', code])
    for (const [, script, rest] of code.matchAll(/npm run (\w+)([^#\n]*)/g)) {
      const program = /^node (\S+)$/.exec(scripts[script!])?.[1]
      const options = rest!.match(/ --[a-z]+/g) ?? []
      for (const option of options) expect(reading(program!)).toMatch(new RegExp(`\\b${option.trim().slice(2)}\\b`))
    }
  },
}

it.each(marked)('$page:$line is not run: $notRun, and is right as far as one can see', (block) => {
  CHECKS[block.notRun as (typeof REASONS)[number]](block)
})
