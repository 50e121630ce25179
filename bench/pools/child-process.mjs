import { spawn } from 'node:child_process'

/**
 * What a careful person writes by hand: so many loops share one list of commands.
 *
 * @type {import('../lib/types.d.ts').Pool}
 */
export async function runAll(commands, concurrency, onStdout) {
  const loop = async () => {
    for (const command of commands) onStdout((await capture(command)).stdout)
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
}

/** @param {string} command */
function capture(command) {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
    const stdout = gather(child.stdout)
    const stderr = gather(child.stderr)
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout: stdout(), stderr: stderr() }))
  })
}

/** @param {import('node:stream').Readable} stream */
function gather(stream) {
  /** @type {Buffer[]} */
  const chunks = []
  stream.on('data', (chunk) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}
