// Builds the launcher with the system's C compiler and puts it where the package carries it. Without a compiler the
// package works all the same, by its other adapter, so that is no failure. With `--target linux-arm64` (or linux-x64) it
// is built for another processor by that one's cross compiler, and with `--all` for each that the package is for, as
// releases need it; then what goes wrong is a failure.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const own = `${process.platform}-${process.arch}`
const { target, all } = parseArgs({
  options: { target: { type: 'string' }, all: { type: 'boolean', default: false } },
}).values

/** As Debian's packages call them: gcc-aarch64-linux-gnu, gcc-x86-64-linux-gnu. */
const CROSS_COMPILERS = { 'linux-arm64': 'aarch64-linux-gnu-gcc', 'linux-x64': 'x86_64-linux-gnu-gcc' }

function build(target) {
  if (!target.startsWith('linux-')) return `it is for Linux, not for ${target.split('-')[0]}`
  const compiler = target === own ? undefined : CROSS_COMPILERS[target]
  if (target !== own && compiler === undefined) return `no cross compiler is known for ${target}`
  // What was built for this machine is found in `build`, before what the package carries.
  const built = target === own ? 'build/drover-launcher' : `build/${target}/drover-launcher`
  const env = { ...(compiler !== undefined && { CC: compiler }), ...process.env, OUTPUT: built }
  // make is not asked for: a compiler is all that is needed.
  const script = join(here, 'build.sh')
  const { status, error, stderr } = spawnSync('/bin/sh', [script], { cwd: here, encoding: 'utf8', env })
  if (error !== undefined) return error.message
  if (status !== 0) return stderr.trim().split('\n')[0] || `${script} failed`
  const folder = join(here, '..', 'prebuilds', target)
  mkdirSync(folder, { recursive: true })
  const carried = join(folder, 'drover-launcher')
  // By way of another name: one that is running cannot be written to.
  copyFileSync(join(here, built), `${carried}.new`)
  chmodSync(`${carried}.new`, 0o755)
  renameSync(`${carried}.new`, carried)
  return null
}

const mustBe = all ? Object.keys(CROSS_COMPILERS) : target !== undefined && target !== own ? [target] : []
if (mustBe.length === 0) {
  const problem = build(own)
  if (problem !== null)
    console.log(`drover: the native launcher was not built, the node adapter will be used (${problem})`)
}
for (const platform of mustBe) {
  const problem = build(platform)
  if (problem === null) continue
  console.error(`drover: the native launcher for ${platform} was not built (${problem})`)
  process.exitCode = 1
}
