import { afterEach, beforeEach, expect, vi } from 'vitest'
import { AppendFile, type Fsync } from '../../src/journal/append-file.js'
import type { FakeDisk } from './fake-disk.js'

/** Lets the tests of a file turn on the clock of the files that they open by hand. */
export function openerInFakeTime(): (disk: FakeDisk, fsync?: Fsync) => AppendFile {
  const open: AppendFile[] = []
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(async () => {
    for (const file of open.splice(0)) await file.finish().catch(() => {})
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })
  return (disk, fsync = 'interval') => {
    const file = new AppendFile(-1, 'night.jsonl', disk.content.length, fsync, disk)
    open.push(file)
    return file
  }
}

export const record = (text: string) => [Buffer.from(text), Buffer.from('\n')]

/** What has become of appended records, by their text. */
export class Watch {
  readonly done: string[] = []
  readonly failed: [string, unknown][] = []
  readonly #file: AppendFile

  constructor(file: AppendFile) {
    this.#file = file
  }

  append(text: string): void {
    this.#file.append(record(text)).then(
      () => this.done.push(text),
      (error) => this.failed.push([text, error]),
    )
  }
}
