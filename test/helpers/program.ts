import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Built before all tests. */
const LIBRARY = new URL('../../dist/index.js', import.meta.url).href

export interface ProgramEnd {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
  readonly signal: string | null
  readonly tookMs: number
}

/**
 * Runs a program of its own that uses the built library; `drover` is all that it exports. A program that has not ended
 * after a minute is killed.
 *
 * @param before - shell commands before it, as in `ulimit -n 64`.
 */
export async function runProgram(source: string, before = ':'): Promise<ProgramEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-program-'))
  const file = join(folder, 'program.mjs')
  writeFileSync(file, `import * as drover from ${JSON.stringify(LIBRARY)}\n${source}`)
  const startedMs = performance.now()
  try {
    return await new Promise((resolve) => {
      const options = { timeout: 60_000, killSignal: 'SIGKILL' } as const
      const args = ['-c', `${before}; exec "$0" "$1"`, process.execPath, file]
      execFile('/bin/sh', args, options, (error, stdout, stderr) => {
        const { code = 0, signal = null } = (error ?? {}) as { code?: number | null; signal?: string | null }
        resolve({ stdout, stderr, exitCode: code, signal, tookMs: performance.now() - startedMs })
      })
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
