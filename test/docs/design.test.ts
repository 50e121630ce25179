import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(ROOT, 'docs/design.md'), 'utf8')
const folders = (path: string) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
const rooms = folders(join(ROOT, 'src'))

/** The rooms that the files of a room import from. */
function usesOf(room: string): string[] {
  const files = readdirSync(join(ROOT, 'src', room), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const text = files.map((name) => readFileSync(join(ROOT, 'src', room, name), 'utf8')).join('\n')
  const named = [...text.matchAll(/(?:from |import\()'(?:\.\.\/)+([a-z]+)\//g)].map(([, name]) => name!)
  return rooms.filter((other) => other !== room && named.includes(other)).sort()
}

const rows = new Map(
  [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| (.+) \|$/gm)].map(([, room, uses]) => [
    room!,
    [...uses!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  ]),
)

it('docs/design.md names all rooms', () => {
  expect([...rows.keys()].sort()).toEqual(rooms.sort())
})

it.each(rooms)('%s uses what docs/design.md says', (room) => {
  expect(rows.get(room)).toEqual(usesOf(room))
})
