// Removes the types that nothing which the package exports leads to.
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The files of types that are reached from these.
 *
 * @param {string[]} entries
 */
function reachableTypes(entries) {
  const reached = new Set()
  const waiting = [...entries]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    // Examples in comments import files that are the reader's.
    if (reached.has(file) || !existsSync(file)) continue
    reached.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()["'](\.[^"']+)\.js["']/g)) {
      waiting.push(join(dirname(file), `${name}.d.ts`))
    }
  }
  return reached
}

/**
 * @param {string} folder
 * @param {string[]} entries - relative to the folder.
 */
export function pruneTypes(folder, entries) {
  const reached = reachableTypes(entries.map((entry) => join(folder, entry)))
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  for (const file of all) if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file)
  removeEmpty(folder)
}

/** @param {string} folder */
function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name))
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}
