import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MINUTE = 60_000
/** No measurement takes longer; one that does is ended and counts as failed. */
const LONGEST_MS = 40 * MINUTE
const GRACE_MS = 5_000

/** @type {Set<number>} The process groups of what runs. */
const running = new Set()
let stopped = false

/**
 * Runs a program to its end, in a process group of its own.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ stdin?: string, stdout?: string, env?: Record<string, string> }} [options] Files for stdin and stdout; else
 *   nothing, and what it printed is returned.
 * @returns {Promise<{ seconds: number, stdout: string }>}
 * @throws when it cannot be started, does not succeed, or takes too long.
 */
export async function runProgram(file, args, { stdin, stdout, env } = {}) {
  if (stopped) throw new Error('interrupted')
  const input = stdin === undefined ? null : openSync(stdin, 'r')
  const output = stdout === undefined ? null : openSync(stdout, 'w')
  try {
    return await started(file, args, [input ?? 'ignore', output ?? 'pipe', 'pipe'], env)
  } finally {
    if (input !== null) closeSync(input)
    if (output !== null) closeSync(output)
  }
}

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @param {import('node:child_process').StdioOptions} stdio
 * @param {Record<string, string>} [env]
 * @returns {Promise<{ seconds: number, stdout: string }>}
 */
function started(file, args, stdio, env) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    let seconds = 0
    const child = spawn(file, args, { stdio, env: { ...process.env, ...env }, detached: true })
    const { pid } = child
    if (pid !== undefined) running.add(pid)
    const printed = { stdout: '', stderr: '' }
    child.stdout?.on('data', (chunk) => {
      printed.stdout += chunk
    })
    child.stderr?.on('data', (chunk) => {
      printed.stderr = (printed.stderr + chunk).slice(-2_000)
    })
    const limit = setTimeout(() => pid !== undefined && endGroup(pid), LONGEST_MS)
    child.on('error', reject)
    child.on('exit', () => {
      seconds = (performance.now() - begun) / 1_000
    })
    child.on('close', (code, signal) => {
      clearTimeout(limit)
      if (pid !== undefined) running.delete(pid)
      if (code === 0) resolve({ seconds, stdout: printed.stdout })
      else
        reject(new Error(`${[file, ...args].join(' ')}: ${signal ?? `exit status ${code}`}\n${printed.stderr}`.trim()))
    })
  })
}

/**
 * Runs one of the programs in `measured/` in a Node process of its own.
 *
 * @param {string} name
 * @param {object} parameters
 * @returns {Promise<any>} What it reported.
 */
export async function measure(name, parameters) {
  const program = fileURLToPath(new URL(`../measured/${name}.mjs`, import.meta.url))
  const { stdout } = await runProgram(process.execPath, ['--expose-gc', program, JSON.stringify(parameters)])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

/** Ends whatever runs, and starts nothing more. */
export function stopAll() {
  stopped = true
  for (const pid of running) endGroup(pid)
}

/** @param {number} pid */
function endGroup(pid) {
  signalGroup(pid, 'SIGTERM')
  setTimeout(() => running.has(pid) && signalGroup(pid, 'SIGKILL'), GRACE_MS)
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended by itself.
  }
}
