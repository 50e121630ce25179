import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { feedRanges } from '../../src/launcher/node/file-ranges.js'
import type { StartError } from '../../src/launcher/port.js'
import { until } from '../helpers/until.js'

let folder: string
let file: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-ranges-'))
  file = join(folder, 'file')
  writeFileSync(file, Buffer.alloc(4 << 20, 'x'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('parts of a file', () => {
  it.each([
    ['is closed', undefined],
    ['breaks', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })],
  ])('are no failure when an input that is not read %s', async (_what, error) => {
    const failures: StartError[] = []
    let writes = 0
    // It never says that it has written.
    const stdin = new Writable({
      highWaterMark: 1,
      write: () => void writes++,
      // By then whoever reads the file has heard of it.
      destroy: (reason, done) => void turns(5).then(() => done(reason)),
    })
    stdin.on('error', () => {})
    feedRanges(file, [[0, 4 << 20]], stdin, (failure) => failures.push(failure))
    await until('it is full', () => writes === 1 && stdin.writableNeedDrain)
    const closed = once(stdin, 'close')
    stdin.destroy(error)
    await closed.catch(() => {})
    await turns(20)
    expect(failures).toEqual([])
  })

  it('are one when the file is shorter than they are', async () => {
    const failures: StartError[] = []
    const stdin = new Writable({ write: (_chunk, _encoding, done) => done() })
    feedRanges(file, [[0, 5 << 20]], stdin, (failure) => failures.push(failure))
    await until('it is told', () => failures.length > 0)
    expect(failures).toMatchObject([{ message: expect.stringContaining(file) }])
  })
})
