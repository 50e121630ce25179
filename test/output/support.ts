import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { OutputWriter } from '../../src/output/fd-writer.js'
import { deferred } from '../../src/output/maybe.js'
import { Printer, type PrinterOptions } from '../../src/output/printer.js'
import type { Result } from '../../src/task/result.js'

/** Remembers what is written; `slow` makes each write wait for a turn of the event loop. */
export class MemoryWriter implements OutputWriter {
  readonly chunks: Buffer[] = []
  broken = false
  readonly #slow: boolean

  constructor(slow = false) {
    this.#slow = slow
  }

  write(chunk: Uint8Array | string): undefined | Promise<void> {
    if (this.broken) return undefined
    this.chunks.push(Buffer.from(chunk as Uint8Array))
    if (!this.#slow) return undefined
    const written = deferred()
    setImmediate(written.resolve)
    return written.promise
  }

  async flush(): Promise<void> {}

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }
}

/** Resolves when the condition holds; fails after 20 s. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'output-test-'))
  folders.push(folder)
  return folder
}

/** Limits so small that files are used all the time. */
export const TINY = {
  buffer: { memoryBytes: 16 },
  shelf: { memoryBytes: 64, pageBytes: 32, segmentBytes: 96, packBytes: 48 },
  folder: { openFiles: 2 },
}

export interface TestPrinter {
  readonly printer: Printer
  readonly stdout: MemoryWriter
  readonly stderr: MemoryWriter
}

export function testPrinter(options: Partial<PrinterOptions> & { slow?: boolean } = {}): TestPrinter {
  const stdout = new MemoryWriter(options.slow)
  const stderr = new MemoryWriter(options.slow)
  const plain = { mode: 'group', tag: false, keepOrder: false, json: null } as const
  return { printer: new Printer({ ...plain, stdout, stderr, ...options }), stdout, stderr }
}

export function resultOf(index: number, fields: Partial<Result> = {}): Result {
  return {
    type: 'result',
    run: 'r1',
    id: null,
    key: null,
    index,
    state: 'succeeded',
    exitCode: 0,
    signal: null,
    stdout: '',
    stderr: '',
    stdoutBytes: 0,
    stderrBytes: 0,
    truncated: false,
    pipeHeld: false,
    leftovers: 0,
    attempt: 1,
    attempts: 1,
    startedAt: null,
    durationMs: 1,
    queuedMs: 0,
    cpuUserMs: null,
    cpuSystemMs: null,
    maxRssBytes: null,
    pid: null,
    host: 'here',
    command: 'true',
    args: null,
    error: null,
    ...fields,
  }
}
