import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8')
const rows = [...page.matchAll(/^\| (.+?) \| `(test\/[^`]+)`: `([^`]+)` \|$/gm)].map(([, promise, file, name]) => ({
  promise: promise!,
  file: file!,
  name: name!,
}))

it('each row of docs/guarantees.md names a test', () => {
  const tables = page.split('\n').filter((line) => /^\| (?!---|promise )/.test(line))
  expect(rows.length).toBeGreaterThan(15)
  expect(rows.length).toBe(tables.length)
})

it.each(rows)('$promise: there is the test that holds it', ({ file, name }) => {
  const path = join(ROOT, file)
  expect(existsSync(path), `${file} does not exist`).toBe(true)
  const named = new RegExp(
    `(?:it|test|describe)(?:\\.(?:each|runIf)\\([^]*?\\))?\\(\\s*['"\`][^\\n]*${forExpression(name)}`,
  )
  expect(readFileSync(path, 'utf8'), `${file} has no test ${name}`).toMatch(named)
})

function forExpression(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
