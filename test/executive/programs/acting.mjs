// A handler that does what it is told, well and badly.
import { spawn } from 'node:child_process'

const leaked = []
let handled = 0

export function setup() {
  if (process.env.SETUP_PRINTS !== undefined) console.error(process.env.SETUP_PRINTS)
  if (process.env.SETUP_THROWS !== undefined) throw new Error(process.env.SETUP_THROWS)
}

export function teardown() {
  if (process.env.TEARDOWN_PRINTS !== undefined) process.stdout.write(process.env.TEARDOWN_PRINTS)
}

export async function handle({ act, value, text, ms = 0, bytes = 0, word }, { signal }) {
  handled += 1
  const begunMs = nowMs()
  switch (act) {
    case 'throw': {
      console.error(`about to throw ${value}`)
      throw Object.assign(new RangeError(`no ${value}`), { code: 'E_NO', extra: value })
    }
    case 'exit':
      console.error(`about to exit ${value}`)
      return process.exit(value)
    case 'kill':
      return process.kill(process.pid, value)
    case 'hang':
      console.log(`hanging ${value}`)
      return new Promise(() => {})
    case 'stubborn':
      process.on('SIGTERM', () => {})
      console.error('stubborn')
      return new Promise(() => {})
    case 'spin':
      for (;;);
    case 'wait':
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, ms)
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
      break
    case 'leak':
      leaked.push(Buffer.alloc(bytes, 1))
      break
    case 'print':
      process.stdout.write(text)
      process.stderr.write(text)
      break
    case 'once': {
      // Throws in the first process that gets it, with a file to remember.
      const { existsSync, writeFileSync } = await import('node:fs')
      if (!existsSync(word)) {
        writeFileSync(word, '')
        throw new Error('not the first time')
      }
      break
    }
    case 'leave':
      spawn('sleep', [word], { detached: true, stdio: 'ignore' }).unref()
      break
    case 'env':
      return { value: process.env[text] ?? null, pid: process.pid, handled }
    case 'unsendable':
      return () => {}
  }
  return { value, pid: process.pid, handled, begunMs, endedMs: nowMs() }
}

/** By the system's monotonic clock, which is the same for all processes. */
function nowMs() {
  return Number(process.hrtime.bigint()) / 1e6
}
