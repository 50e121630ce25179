// The process that stays with a private server: keeper-main.js FOLDER PROGRAM IDLE_MS. Says how the start went in one line of JSON.
import { DroverError } from '../../task/errors.js'
import { keepServer } from './keeper.js'
import { serverFiles } from './server-folder.js'

const [folder, program, idleMs] = process.argv.slice(2)
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
// It belongs to no terminal.
process.on('SIGHUP', () => {})
// Whoever started this may be gone.
process.stdout.on('error', () => {})
process.umask(0o077)

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

try {
  await keepServer({
    files: serverFiles(folder!),
    program: program!,
    idleMs: Number(idleMs),
    onReady: () => say({ ready: true }),
    signal: stop.signal,
  })
  process.exit(0)
} catch (error) {
  const code = error instanceof DroverError ? error.code : 'ERR_DROVER_SERVER'
  say({ code, problem: (error as Error).message })
  process.exitCode = 1
}
