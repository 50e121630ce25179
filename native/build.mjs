// Builds the launcher with the system's C compiler and puts it where the package carries it. Without a compiler the
// package works all the same, by its other adapter, so that is no failure.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

function build() {
  if (process.platform !== 'linux') return `it is for Linux, not for ${process.platform}`
  // make is not asked for: a compiler is all that is needed.
  const script = join(here, 'build.sh')
  const { status, error, stderr } = spawnSync('/bin/sh', [script], { cwd: here, encoding: 'utf8' })
  if (error !== undefined) return error.message
  if (status !== 0) return stderr.trim().split('\n')[0] || `${script} failed`
  const folder = join(here, '..', 'prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(folder, { recursive: true })
  const target = join(folder, 'drover-launcher')
  // By way of another name: one that is running cannot be written to.
  copyFileSync(join(here, 'build', 'drover-launcher'), `${target}.new`)
  chmodSync(`${target}.new`, 0o755)
  renameSync(`${target}.new`, target)
  return null
}

const problem = build()
if (problem !== null)
  console.log(`drover: the native launcher was not built, the node adapter will be used (${problem})`)
