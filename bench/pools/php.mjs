import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../proc-open-pool.php', import.meta.url))

/**
 * The pool is one small PHP process: it gets the commands as JSON lines and gives results as JSON lines.
 *
 * @type {import('../lib/types.d.ts').Pool}
 */
export async function runAll(commands, concurrency, onStdout) {
  const php = spawn('php', [script, `parallel=${concurrency}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(php, 'close')
  let id = 0
  for (const cmd of commands) php.stdin.write(`${JSON.stringify({ id: id++, cmd })}\n`)
  php.stdin.end()
  for await (const line of createInterface({ input: php.stdout })) {
    const result = JSON.parse(line)
    if (result.error !== undefined) throw new Error(result.error)
    onStdout(result.stdout)
  }
  await ended
}
