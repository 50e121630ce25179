// Writes docs/api/ anew from the doc comments of what is built: `npm run docs`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makePages } from './api/pages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'docs/api')
const { pages, gaps } = makePages(root)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
for (const [name, text] of Object.entries(pages)) writeFileSync(join(folder, name), text)
for (const gap of gaps) process.stderr.write(`no doc comment: ${gap}\n`)
if (gaps.length > 0) process.exitCode = 1
