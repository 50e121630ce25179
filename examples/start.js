// Shows the main job on real input: the source files of this project, and a file of tasks that end in every way.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dispatch } from '../dist/index.js'

const root = fileURLToPath(new URL('..', import.meta.url))

const sources = readdirSync(join(root, 'src'), { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .sort()
  .slice(0, 12)
  .map((name) => join('src', name))

const line = 'echo $(wc -l <{}) lines, $(gzip -9 <{} | wc -c) bytes compressed'
console.log(`$ drover run --keep-order --tag '${line}' ::: src/…/*.ts\n`)
const printed = spawnSync(
  process.execPath,
  ['bin/drover.cjs', 'run', '--keep-order', '--tag', line, ':::', ...sources],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
)
console.log(`\nexit status ${printed.status}\n`)

console.log('$ drover run --tasks examples/nightly.jsonl --json\n')
const { stdout, status } = spawnSync(
  process.execPath,
  ['bin/drover.cjs', 'run', '--quiet', '--keep-order', '--tasks', 'examples/nightly.jsonl', '--json'],
  { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
)
for (const line of stdout.trimEnd().split('\n')) {
  const { id, state, durationMs, stdout, stderr, error } = JSON.parse(line)
  const words = (stdout || stderr || error?.message || '').trimEnd().replaceAll('\n', ' / ')
  console.log(`  ${id.padEnd(11)} ${state.padEnd(13)} ${durationMs.toFixed(0).padStart(5)} ms  ${words}`)
}
console.log(`\nexit status ${status}: so many tasks failed, and every one has its result\n`)

console.log('> for await (const result of dispatch(tasks, { concurrency: 8 })) …\n')
const tasks = Array.from({ length: 1_000 }, (_, n) => ({ command: 'echo', args: [`task ${n}`] }))
const startedMs = performance.now()
let bytes = 0
for await (const result of dispatch(tasks, { concurrency: 8 })) bytes += result.stdoutBytes
const seconds = (performance.now() - startedMs) / 1_000
console.log(`  ${tasks.length} processes, ${bytes} bytes of output, ${(tasks.length / seconds).toFixed(0)} a second`)
