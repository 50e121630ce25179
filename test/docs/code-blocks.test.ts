import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-docs-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/drover'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The code blocks of a page in one of these languages. */
function blocksOf(page: string, languages: string): string[] {
  const fence = new RegExp(`^\`\`\`(?:${languages})\\n(.*?)^\`\`\`$`, 'gms')
  return [...readFileSync(join(ROOT, page), 'utf8').matchAll(fence)].map((match) => match[1]!)
}

/** Programs that leave files behind do it elsewhere. */
function cwdOf(page: string): string {
  return page === 'docs/journal.md' ? folder : ROOT
}

for (const page of ['README.md', 'docs/library.md', 'docs/journal.md']) {
  for (const [place, code] of blocksOf(page, 'js|ts').entries()) {
    it(`${page}: program ${place + 1} runs and prints something`, async () => {
      const file = join(folder, `${page.replaceAll('/', '-')}-${place}.mjs`)
      writeFileSync(file, code)
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: cwdOf(page) })
      expect(stdout).not.toBe('')
      expect(stderr).toBe('')
    })
  }
}

it('docs/templates.md: its lines for the shell do what they say', async () => {
  const [line] = blocksOf('docs/templates.md', 'sh')
  writeFileSync(join(folder, "it's a file.txt"), 'x'.repeat(42))
  const command = line!.replace('drover', `'${process.execPath}' '${join(ROOT, 'bin/drover.cjs')}'`)
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder })
  expect(stdout).toBe("42 bytes in it's a file.txt\n")
})
