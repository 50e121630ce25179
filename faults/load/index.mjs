// What a journal with many results takes in memory when a run is resumed from it: { count, folder }.
import { createHash } from 'node:crypto'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dispatch, Journal } from '../../dist/index.js'

const { count, folder } = JSON.parse(process.argv[2] ?? '')
const BATCH = 10_000
const path = join(folder, 'index.jsonl')
const head = {
  type: 'run',
  version: 1,
  run: 'load',
  startedAt: '2000-01-01T00:00:00.000Z',
  pid: 1,
  host: 'h',
  cwd: '/',
}

/** @param {number} n */
function keyOf(n) {
  return createHash('sha256').update(String(n)).digest('hex').slice(0, 32)
}

function writeJournal() {
  const file = openSync(path, 'w')
  writeSync(file, `${JSON.stringify({ ...head, command: [] })}\n`)
  for (let n = 0; n < count; ) {
    const lines = []
    for (const end = Math.min(n + BATCH, count); n < end; n++)
      lines.push(`{"type":"result","run":"load","id":null,"key":"${keyOf(n)}","index":${n},"state":"succeeded"}`)
    writeSync(file, `${lines.join('\n')}\n`)
  }
  closeSync(file)
}

async function held() {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await sleep(50)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, used: heapUsed + external }
}

writeJournal()
const before = await held()
const begun = performance.now()
const journal = await Journal.open(path, { resume: true })
const seconds = (performance.now() - begun) / 1_000
const after = await held()
let unknown = 0
for (let n = 0; n < count; n += Math.ceil(count / 1_000)) {
  if (journal.stateOf({ command: 'true' }, keyOf(n)) !== 'succeeded') unknown += 1
}
const { size } = journal
// What it does not know is still run.
const { total } = await dispatch([{ command: 'true', args: ['new'] }], { journal }).summary()
await journal.close()
rmSync(path)
const [bytes, rssBytes] = [(after.used - before.used) / count, (after.rss - before.rss) / count]
process.stdout.write(`${JSON.stringify({ size, unknown, ran: total, seconds, bytes, rssBytes })}\n`)
