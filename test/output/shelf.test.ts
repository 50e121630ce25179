import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { MemoryBlob, type OutputBlob } from '../../src/output/blob.js'
import { Outlet } from '../../src/output/outlet.js'
import { Shelf, type ShelfOptions } from '../../src/output/shelf.js'
import { nodeSystem } from '../../src/output/spill-file.js'
import { SpillFolder, type SpillFolderOptions } from '../../src/output/spill-folder.js'
import { TaskBuffer } from '../../src/output/task-buffer.js'
import { MemoryWriter, temporaryFolder, until } from './support.js'

const made: SpillFolder[] = []

afterEach(async () => {
  await Promise.all(made.splice(0).map((folder) => folder.close()))
})

function makeShelf(options: Partial<ShelfOptions> = {}, folderOptions: SpillFolderOptions = {}) {
  const folder = new SpillFolder({ tmpdir: temporaryFolder(), ...folderOptions })
  made.push(folder)
  const [stdout, stderr] = [new MemoryWriter(), new MemoryWriter()]
  const outlets = { stdout: new Outlet(stdout), stderr: new Outlet(stderr) }
  return { shelf: new Shelf({ ...options, folder }), folder, outlets, stdout, stderr }
}

const blob = (content: string | Buffer): OutputBlob => new MemoryBlob(Buffer.from(content as string))

test('100,000 waiting outputs take 64 bytes each and the pages, and come out in order', async () => {
  const { shelf, folder, outlets, stdout, stderr } = makeShelf()
  const count = 100_000
  const output = (index: number) => `output of task ${index} ${'.'.repeat(index % 300)}\n`
  let largest = 0
  // Task 0 is slow. The others end in groups of eight, each group backwards.
  for (let i = 0; i < count; i++) {
    const index = i - (i % 8) + 8 - (i % 8)
    await shelf.put(index, { stdout: blob(output(index)), stderr: index % 1000 === 0 ? blob(`${index}\n`) : null })
    largest = Math.max(largest, shelf.memoryBytes)
  }
  expect(shelf.count).toBe(count)
  expect(largest - count * 64).toBeLessThan(8 * 1024 * 1024 + 2 * 256 * 1024)
  expect(folder.fileCount).toBeGreaterThan(0)
  let position = 0
  for (let index = 1; index <= count; index++) {
    await shelf.take(index, outlets)
    expect(stdout.chunks[position++]!.toString()).toBe(output(index))
  }
  expect(stderr.text).toBe(Array.from({ length: count / 1000 }, (_, i) => `${(i + 1) * 1000}\n`).join(''))
  expect(shelf.count).toBe(0)
  expect(shelf.memoryBytes).toBeLessThan(1024 * 1024)
  await until(() => folder.fileCount <= 1)
})

test('any outputs, in memory or in files, come out as they went in', async () => {
  const outputs = fc.array(fc.tuple(fc.uint8Array({ maxLength: 90 }), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(outputs, fc.boolean(), fc.nat(20), fc.nat(2), async (parts, awaits, memoryBytes, openFiles) => {
      const limits = { memoryBytes: 64, pageBytes: 32, segmentBytes: 64, packBytes: 50 }
      const { shelf, folder, outlets, stdout, stderr } = makeShelf(limits, { tmpdir: temporaryFolder(), openFiles })
      const stored: unknown[] = []
      for (const [index, [out, err]] of [...parts.entries()].reverse()) {
        const buffers = [new TaskBuffer({ folder, memoryBytes }), new TaskBuffer({ folder, memoryBytes })] as const
        await buffers[0].append(out)
        await buffers[1].append(err)
        stored.push(shelf.put(index, { stdout: buffers[0], stderr: buffers[1] }))
        if (awaits) await stored.at(-1)
      }
      await Promise.all(stored)
      for (const index of parts.keys()) {
        expect(shelf.first()).toBe(index)
        shelf.startAt(index)
        await shelf.take(index, outlets)
      }
      expect(stdout.bytes).toEqual(Buffer.concat(parts.map(([out]) => out)))
      expect(stderr.bytes).toEqual(Buffer.concat(parts.map(([, err]) => err)))
      expect(shelf.first()).toBeNull()
    }),
    { numRuns: 100 },
  )
})

test('output larger than a page goes to a file and comes out in pieces', async () => {
  const { shelf, outlets, stdout } = makeShelf({ memoryBytes: 0 })
  const large = Buffer.alloc(1_000_000, 'large')
  await shelf.put(5, { stdout: blob(large), stderr: null })
  await shelf.put(6, { stdout: blob('x'), stderr: null })
  expect(shelf.memoryBytes).toBeLessThan(500_000)
  await shelf.take(5, outlets)
  expect(stdout.bytes.equals(large)).toBe(true)
  expect(stdout.chunks.length).toBe(4)
})

test('segments whose outputs are all taken are closed', async () => {
  const { shelf, folder, outlets } = makeShelf({ memoryBytes: 0, pageBytes: 10, segmentBytes: 20 })
  for (let index = 1; index <= 20; index++) await shelf.put(index, { stdout: blob('0123456789'), stderr: null })
  expect(folder.fileCount).toBeGreaterThanOrEqual(9)
  for (let index = 1; index <= 18; index++) await shelf.take(index, outlets)
  await until(() => folder.fileCount <= 2)
  await shelf.take(19, outlets)
  await shelf.take(20, outlets)
})

test('on a full disk nothing that waits is lost', async () => {
  const system = { ...nodeSystem, open: () => nodeSystem.open('/dev/full', 'r+') }
  const { shelf, outlets, stdout } = makeShelf({ memoryBytes: 0, pageBytes: 4 }, { tmpdir: temporaryFolder(), system })
  await shelf.put(1, { stdout: blob('1234'), stderr: null })
  await expect(shelf.put(2, { stdout: blob('5678'), stderr: null })).rejects.toMatchObject({ code: 'ERR_DROVER_SPILL' })
  await shelf.take(1, outlets)
  await shelf.take(2, outlets)
  expect(stdout.text).toBe('12345678')
})
