import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect } from 'vitest'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** All pages that people read, relative to the package. */
export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'clients/README.md',
  'bench/README.md',
  'faults/README.md',
]

/** Why a block is not run. It is said before the block, in a comment: `<!-- not run: installs packages -->`. */
export const REASONS = ['a drawing', 'a screen', 'installs packages', 'takes long'] as const

export interface Block {
  readonly page: string
  /** Of its first line, from 1. */
  readonly line: number
  /** The heading of second rank that it stands under; empty before the first. */
  readonly section: string
  /** As it is named after the fence; empty where it is not. */
  readonly language: string
  readonly code: string
  /** Why it is not run; null for one that is. */
  readonly notRun: string | null
}

export function textOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

/** All code blocks of a page. */
export function blocksOf(page: string): Block[] {
  const text = textOf(page)
  return [...text.matchAll(/^(?:<!-- not run: (.+?) -->\n)?```(\w*)\n(.*?)^```$/gms)].map((match) => {
    const before = text.slice(0, match.index)
    return {
      page,
      line: before.split('\n').length + (match[1] === undefined ? 1 : 2),
      section: [...before.matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? '',
      language: match[2]!,
      code: match[3]!,
      notRun: match[1] ?? null,
    }
  })
}

/** The blocks of a page, of which a test must take every one. */
export class PageBlocks {
  #waiting: readonly Block[]

  constructor(page: string) {
    this.#waiting = blocksOf(page).filter(({ notRun }) => notRun === null)
  }

  /** The code of all blocks in one of these languages. */
  take(...languages: string[]): string[] {
    return this.#takeThose(({ language }) => languages.includes(language)).map(({ code }) => code)
  }

  /** All blocks under a heading. */
  takeSection(heading: string): Block[] {
    return this.#takeThose(({ section }) => section === heading)
  }

  takeAll(): Block[] {
    return this.#takeThose(() => true)
  }

  #takeThose(isMeant: (block: Block) => boolean): Block[] {
    const taken = this.#waiting.filter(isMeant)
    this.#waiting = this.#waiting.filter((block) => !isMeant(block))
    return taken
  }

  /** Where the blocks are that no test has taken. */
  get left(): string[] {
    return this.#waiting.map(({ page, line, language }) => `${page}:${line} ${language}`)
  }
}

/** The blocks of some pages. When the tests of a file are over, they must have taken all of them. */
export function blocksOfPages<Page extends string>(...pages: Page[]): Record<Page, PageBlocks> {
  const blocks = Object.fromEntries(pages.map((page) => [page, new PageBlocks(page)])) as Record<Page, PageBlocks>
  afterAll(() => expect(pages.flatMap((page) => blocks[page].left)).toEqual([]))
  return blocks
}
