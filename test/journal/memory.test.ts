import { closeSync, openSync, writeSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runProgram } from '../helpers/program.js'
import { newPath } from './support.js'

const RECORDS = 1_000_000

/** Writes a journal in which every other task has an id. */
function writeJournal(path: string): void {
  const file = openSync(path, 'w')
  writeSync(file, '{"type":"run","version":1,"run":"r"}\n')
  for (let n = 0; n < RECORDS; ) {
    let lines = ''
    for (const end = Math.min(RECORDS, n + 10_000); n < end; n++) {
      const id = n % 2 === 0 ? null : `"task ${n}"`
      const key = n.toString(16).padStart(32, '0')
      lines += `{"type":"result","run":"r","id":${id},"key":"${key}","state":"succeeded"}\n`
    }
    writeSync(file, lines)
  }
  closeSync(file)
}

it('a journal of a million results takes no more than 64 bytes of memory for each', async () => {
  const path = newPath()
  writeJournal(path)
  const { stdout, stderr } = await runProgram(`
    import { setFlagsFromString } from 'node:v8'
    import { runInNewContext } from 'node:vm'
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc')
    const used = async () => {
      for (let n = 0; n < 3; n++) {
        gc()
        await new Promise(setImmediate)
      }
      const { heapUsed, arrayBuffers, external } = process.memoryUsage()
      return { heapUsed, external: Math.max(external, arrayBuffers) }
    }
    const before = await used()
    const journal = await drover.Journal.open(${JSON.stringify(path)}, { resume: true })
    const after = await used()
    console.log(JSON.stringify({
      size: journal.size,
      bytes: after.heapUsed - before.heapUsed + after.external - before.external,
    }))
    await journal.close()`)
  expect(stderr).toBe('')
  const { size, bytes } = JSON.parse(stdout)
  expect(size).toBe(RECORDS)
  expect(bytes / RECORDS).toBeLessThan(64)
  // It is not that nothing was measured.
  expect(bytes / RECORDS).toBeGreaterThan(8)
}, 120_000)
