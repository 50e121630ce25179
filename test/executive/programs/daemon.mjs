// A daemon as its tests want it, told by its environment; each line that it prints is JSON.
import { writeFileSync } from 'node:fs'
import { daemon } from '../../../dist/index.js'

const {
  items = [],
  options = {},
  rounds = 0,
  waits = false,
  readFrom,
  tellsSignals = false,
} = JSON.parse(process.env.DAEMON_PLAN)
const say = (what) => console.log(JSON.stringify(what))
let asked = 0

const settings = {
  handler: new URL('./acting.mjs', import.meta.url),
  concurrency: 2,
  killGraceMs: 300,
  intervalMs: 60_000,
  queue: () => {
    asked += 1
    say({ queue: asked })
    if (waits) return new Promise(() => {})
    return items.map((item) => {
      if (item.act === 'answer') return { ...item, value: asked }
      return item
    })
  },
  onResult: ({ state, value, error, pid }) => say({ result: state, value: value?.value, code: error?.code, pid }),
  onRound: ({ round, missed, error, total }) => say({ round, missed, total, error: error?.message ?? null }),
  stop: ({ round }) => rounds > 0 && round >= rounds,
  reload: () => {
    say({ reload: true })
    if (readFrom !== undefined) writeFileSync(readFrom, 'reloaded')
  },
  ...options,
}
if (tellsSignals) process.on('SIGTERM', () => say({ signal: 'SIGTERM' }))
process.on('exit', (code) => say({ exit: code }))
try {
  say({ summary: await daemon(settings) })
  say({ listeners: ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => process.listenerCount(signal)) })
} catch (error) {
  say({ error: error.code ?? error.message, message: error.message })
  process.exitCode = 1
}
