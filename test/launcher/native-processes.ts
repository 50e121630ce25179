import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { findBinary } from '../../src/launcher/native/binary.js'
import { isAlive } from '../helpers/processes.js'

/** Bundles the parent program, since Node itself does not read TypeScript. */
export async function buildParent() {
  const folder = mkdtempSync(join(tmpdir(), 'drover-parent-'))
  const file = join(folder, 'parent.mjs')
  const input = fileURLToPath(new URL('./native-parent.ts', import.meta.url))
  const bundle = await rolldown({ input, platform: 'node' })
  await bundle.write({ file, format: 'esm', codeSplitting: false })
  await bundle.close()
  return {
    run: (...args: string[]) => new Parent([process.execPath, file], args),
    /** With so many descriptors at the most. */
    runWithFew: (descriptors: number, ...args: string[]) =>
      new Parent(['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', process.execPath, file], args),
    /** By a line for bash in which "$@" is the program. */
    runBy: (line: string, ...args: string[]) => new Parent(['bash', '-c', line, 'bash', process.execPath, file], args),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export class Parent {
  readonly process: ChildProcess
  output = ''
  exitCode: number | null = null
  ended = false

  /** @param args - the scenario and its arguments; an absolute path before them is the binary to use. */
  constructor([command, ...before]: string[], args: string[]) {
    const own = args[0]?.startsWith('/') ? args : [findBinary()!, ...args]
    this.process = spawn(command!, [...before, ...own], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.process.stdout!.on('data', (chunk) => {
      this.output += chunk
    })
    this.process.stderr!.on('data', (chunk) => {
      this.output += chunk
    })
    this.process.on('close', (code) => {
      this.exitCode = code
      this.ended = true
    })
  }

  get pid(): number {
    return this.process.pid!
  }
}

/** Living processes whose parent this is. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isAlive(pid) && parentOf(pid) === parent)
}

/** Living processes with exactly this command line. */
export function processesOf(commandLine: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) => read(`/proc/${pid}/cmdline`).replace(/\0$/, '').replaceAll('\0', ' ') === commandLine && isAlive(pid),
    )
}

/** The two halves of the launchers that a process has started. */
export function launchersOf(parent: number): { guardian: number; launcher: number }[] {
  return childrenOf(parent)
    .filter((pid) => nameOf(pid) === 'drover-guardian')
    .flatMap((guardian) => childrenOf(guardian).map((launcher) => ({ guardian, launcher })))
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function nameOf(pid: number): string {
  return read(`/proc/${pid}/comm`).trim()
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
