// Makes a journal as of a run of many tasks, the same one each time: node test/report/make-journal.mjs FILE COUNT [SLOTS]
import { closeSync, openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BEGIN = Date.UTC(2026, 2, 14, 21, 30)
const PIECE_CHARACTERS = 1 << 20

/** Numbers from 0 to 1 that are the same each time. */
function numbers() {
  let state = 42
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * @param {string} path
 * @param {number} count - of tasks.
 * @param {number} [slots] - how many ran at once.
 */
export function makeJournal(path, count, slots = 16) {
  const random = numbers()
  const file = openSync(path, 'w', 0o600)
  let text = `${JSON.stringify({ type: 'run', version: 1, run: 'made-up', startedAt: new Date(BEGIN).toISOString(), pid: 4711, host: 'builder', cwd: '/srv/images', command: ['drover', 'run', '-j', String(slots), '--journal', 'night.jsonl', 'pngcrush', '-q', '{}', '{.}.min.png', ':::', '*.png'] })}\n`
  const freeAt = Array.from({ length: slots }, (_, slot) => slot * 3)
  /** Records in the order of their ends, as a journal has them. */
  const waiting = []
  const flush = (until) => {
    waiting.sort((a, b) => a.end - b.end)
    const ready = waiting.findIndex(({ end }) => end > until)
    for (const { line } of waiting.splice(0, ready === -1 ? waiting.length : ready)) text += line
    if (text.length < PIECE_CHARACTERS && until !== Number.POSITIVE_INFINITY) return
    writeSync(file, text)
    text = ''
  }
  for (let index = 0; index < count; index++) {
    const busyness = 1 + 0.6 * Math.sin(index / (count / 9))
    const slot = freeAt.indexOf(Math.min(...freeAt))
    const start = freeAt[slot] + random() * 2
    const luck = random()
    const attempts = luck > 0.985 ? 2 : 1
    let began = start
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const isLast = attempt === attempts
      const durationMs = (4 + 40 * random()) * busyness * (random() > 0.997 ? 40 : 1) * Math.exp(2 * random() - 1)
      const record = recordOf({
        index,
        attempt,
        attempts: 3,
        start: began,
        durationMs,
        luck: isLast ? random() : 0.9,
        random,
      })
      waiting.push({
        end: began + durationMs,
        line: `${JSON.stringify({ ...record, type: isLast ? 'result' : 'attempt' })}\n`,
      })
      began += durationMs + (isLast ? 0 : 25)
    }
    freeAt[slot] = began
    if (waiting.length > 4 * slots + 1_000) flush(Math.min(...freeAt))
  }
  flush(Number.POSITIVE_INFINITY)
  closeSync(file)
}

function recordOf({ index, attempt, attempts, start, durationMs, luck, random }) {
  const state =
    luck < 0.012
      ? 'failed'
      : luck < 0.015
        ? 'timed-out'
        : luck < 0.017
          ? 'killed'
          : attempt === 1 && luck === 0.9
            ? 'failed'
            : 'succeeded'
  const name = `img_${String((index * 7919) % 1_000_000).padStart(6, '0')}`
  const stderr =
    state === 'failed'
      ? `pngcrush: while reading ${name}.png\nlibpng error: IDAT: CRC error in chunk ${Math.floor(random() * 900)}\n`
      : ''
  return {
    type: 'result',
    run: 'made-up',
    id: null,
    key: (index + 1).toString(16).padStart(32, '0'),
    index,
    state,
    exitCode: state === 'succeeded' ? 0 : state === 'failed' ? 2 : null,
    signal: state === 'killed' ? 'SIGSEGV' : state === 'timed-out' ? 'SIGTERM' : null,
    stdout: '',
    stderr,
    stdoutBytes: 0,
    stderrBytes: stderr.length,
    truncated: false,
    pipeHeld: false,
    leftovers: 0,
    attempt,
    attempts,
    startedAt: new Date(BEGIN + Math.floor(start)).toISOString(),
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    queuedMs: Math.round(random() * 1_000) / 1_000,
    cpuUserMs: Math.round(durationMs * (0.4 + 0.5 * random()) * 1_000) / 1_000,
    cpuSystemMs: Math.round(durationMs * 0.05 * 1_000) / 1_000,
    maxRssBytes: 4_096 * Math.floor(1_000 + random() * random() * 9_000),
    pid: 5_000 + (index % 60_000),
    host: 'builder',
    command: 'pngcrush',
    args: ['-q', `${name}.png`, `${name}.min.png`],
    error: state === 'timed-out' ? { code: 'ERR_DROVER_TIMEOUT', message: 'took longer than 2 s and was ended' } : null,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  makeJournal(process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 16))
