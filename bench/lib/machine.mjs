import { execFile, execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const bench = join(import.meta.dirname, '..')
const PACKAGES = ['execa', 'p-limit', 'zx', 'workerpool', 'jest-worker', 'tinypool', 'piscina', 'batch-cluster']
const PROGRAMS = ['xargs', 'parallel', 'php', 'cc', 'redis-server', 'script']

/** @param {string} name */
function isOnPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** @param {string} file */
function versionIn(file) {
  return JSON.parse(readFileSync(file, 'utf8')).version
}

/** @param {string} program */
function versionOf(program) {
  const args = program === 'php' ? ['-r', 'echo PHP_VERSION;'] : ['--version']
  const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return text.split('\n')[0].trim()
}

/** @param {string} name */
function packageFile(name) {
  return join(bench, 'node_modules', name, 'package.json')
}

/** Installs the peers that come from npm, where they are not there yet. */
export async function installPackages() {
  if (PACKAGES.every((name) => existsSync(packageFile(name)))) return
  await promisify(execFile)('npm', ['ci', '--prefix', bench]).catch((error) => {
    process.stderr.write(
      `bench: the peers from npm cannot be installed: ${String(error.stderr || error.message).trim()}\n`,
    )
  })
}

/** Versions of the peers that are there, and the names of those that are not. */
export function findPeers() {
  /** @type {Record<string, string>} */
  const versions = {}
  for (const name of PACKAGES) if (existsSync(packageFile(name))) versions[name] = versionIn(packageFile(name))
  for (const name of PROGRAMS) if (isOnPath(name)) versions[name] = versionOf(name)
  return { versions, missing: [...PACKAGES, ...PROGRAMS].filter((name) => versions[name] === undefined) }
}

/** Compiles the limit. @returns The program. */
export async function compileLimit() {
  const program = join(bench, 'build', 'limit')
  mkdirSync(join(bench, 'build'), { recursive: true })
  const args = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, join(bench, 'limit.c')]
  await promisify(execFile)('cc', args)
  return program
}

export function describeMachine() {
  return {
    kernel: `${type()} ${release()} ${arch()}`,
    cpus: availableParallelism(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    drover: versionIn(join(bench, '..', 'package.json')),
  }
}
