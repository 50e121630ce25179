import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DroverError } from '../../task/errors.js'
import type { ServerFiles } from './server-folder.js'

/** In the built library and command line; from the sources. */
const MAIN_PLACES = ['./fleet/keeper-main.js', './keeper-main.js', '../../../dist/fleet/keeper-main.js']
/**
 * All that a keeper is told of the world: it lives longer than the one who happens to start it. Not what launcher to use, since all
 * keepers must lock in the same way.
 */
const KEPT_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'XDG_RUNTIME_DIR']

export interface KeeperStart {
  readonly program: string
  readonly idleMs: number
}

/**
 * Starts a keeper in a session of its own, so that it outlives this process; resolves when its server answers.
 *
 * @throws DroverError with the keeper's code, or the reason of the signal.
 */
export async function startKeeper(files: ServerFiles, options: KeeperStart, signal: AbortSignal): Promise<void> {
  const log = openSync(files.log, 'a', 0o600)
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=1', mainFile(), files.folder, options.program, String(options.idleMs)],
    { detached: true, cwd: files.folder, stdio: ['ignore', 'pipe', log], env: keptEnvironment() },
  )
  closeSync(log)
  const output = child.stdout!
  const letGo = () => output.destroy()
  signal.addEventListener('abort', letGo)
  let said = ''
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject)
      output.once('close', resolve)
      output.on('data', (chunk: Buffer) => {
        said += chunk
        if (said.includes('\n')) resolve()
      })
    })
  } finally {
    signal.removeEventListener('abort', letGo)
    letGo()
    child.unref()
  }
  signal.throwIfAborted()
  if (!said.includes('\n'))
    throw new DroverError('ERR_DROVER_SERVER', `the private server did not start; see ${files.log}`)
  const { problem, code } = JSON.parse(said) as { problem?: string; code?: string }
  if (problem !== undefined) throw new DroverError(code!, problem)
}

function mainFile(): string {
  const places = MAIN_PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  return places.find((place) => existsSync(place)) ?? places[0]!
}

function keptEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(KEPT_VARIABLES.map((name) => [name, process.env[name]]))
}
