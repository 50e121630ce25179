import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Attempt, Result } from '../../src/task/result.js'
import { resultLine } from '../../src/task/result-json.js'

/** The head of a run as a journal has it. */
export const runHead = (version = 1): string =>
  `${JSON.stringify({ type: 'run', version, run: 'r1', startedAt: '2026-01-01T00:00:00.000Z', pid: 1, host: 'here', cwd: '/', command: [] })}\n`

/** Records as the lines of a journal. */
export const linesOf = (records: readonly (Result | Attempt)[]): string =>
  records.map((record) => `${resultLine(record)}\n`).join('')

/** Files of one test file, in a folder of their own. */
export class JournalFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'drover-journals-'))
  #count = 0

  /** A new file with this content, and its path. */
  write(content: string | Uint8Array): string {
    const path = join(this.path, `${++this.#count}.jsonl`)
    writeFileSync(path, content)
    return path
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
