import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { nodeSystem, type SpillSystem } from '../../src/output/spill-file.js'
import { SpillFolder } from '../../src/output/spill-folder.js'
import { TaskBuffer } from '../../src/output/task-buffer.js'
import { MemoryWriter, temporaryFolder } from './support.js'

const made: SpillFolder[] = []

afterEach(async () => {
  await Promise.all(made.splice(0).map((folder) => folder.close()))
})

function folderWith(
  options: { openFiles?: number; patienceMs?: number; system?: Partial<SpillSystem> } = {},
): SpillFolder {
  const system = { ...nodeSystem, ...options.system }
  const folder = new SpillFolder({ ...options, tmpdir: temporaryFolder(), system })
  made.push(folder)
  return folder
}

const failure = (code: string) => Object.assign(new Error(`${code}: as injected`), { code })

test('all bytes come out in order, whatever the pieces and the limit', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(100), fc.nat(1), fc.boolean(), async (chunks, memoryBytes, openFiles, awaits) => {
      const buffer = new TaskBuffer({ folder: folderWith({ openFiles }), memoryBytes })
      for (const chunk of chunks) {
        const full = buffer.append(chunk)
        if (awaits) await full
        if (awaits) expect(buffer.memoryBytes).toBeLessThanOrEqual(memoryBytes)
      }
      const writer = new MemoryWriter()
      await buffer.drainTo(writer)
      buffer.discard()
      expect(writer.bytes).toEqual(Buffer.concat(chunks))
      expect(buffer.bytes).toBe(writer.bytes.length)
    }),
    { numRuns: 100 },
  )
})

test('what is small makes no promise and no folder', () => {
  const folder = folderWith()
  const buffer = new TaskBuffer({ folder })
  expect(buffer.append(Buffer.alloc(64 * 1024))).toBeUndefined()
  const writer = new MemoryWriter()
  expect(buffer.drainTo(writer)).toBeUndefined()
  expect(writer.bytes.length).toBe(64 * 1024)
  expect(folder.path).toBeNull()
})

test('tiny chunks are kept together, and do not keep large buffers', () => {
  const buffer = new TaskBuffer({ folder: folderWith() })
  const large = Buffer.alloc(60_000, 'x')
  for (let i = 0; i < 60_000; i++) buffer.append(large.subarray(i, i + 1))
  const blocks = buffer.inMemory()!
  expect(blocks.length).toBeLessThan(12)
  expect(blocks.every((block) => block.buffer !== large.buffer)).toBe(true)
  expect(Buffer.concat(blocks).equals(large)).toBe(true)
})

test('large output is drained in pieces', async () => {
  const buffer = new TaskBuffer({ folder: folderWith() })
  for (let i = 0; i < 20; i++) await buffer.append(Buffer.alloc(50_000, i))
  const writer = new MemoryWriter()
  await buffer.drainTo(writer)
  expect(Math.max(...writer.chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(256 * 1024)
  expect(writer.bytes.equals(Buffer.concat(Array.from({ length: 20 }, (_, i) => Buffer.alloc(50_000, i))))).toBe(true)
})

test('on a full disk the task hears of it and what came before can be shown', async () => {
  const full = folderWith({ system: { open: () => nodeSystem.open('/dev/full', 'r+') } })
  const buffer = new TaskBuffer({ folder: full, memoryBytes: 4 })
  expect(buffer.append(Buffer.from('1234'))).toBeUndefined()
  await expect(buffer.append(Buffer.from('5678'))).rejects.toMatchObject({
    code: 'ERR_DROVER_SPILL',
    message: expect.stringMatching(/drover-\d+-\S+: ENOSPC.*--tmpdir/),
  })
  await expect(buffer.append(Buffer.from('9'))).rejects.toMatchObject({ code: 'ERR_DROVER_SPILL' })
  const writer = new MemoryWriter()
  await buffer.drainTo(writer)
  expect(writer.text).toBe('12345678')
})

test('without a descriptor output stays in memory until there is one', async () => {
  let refusals = 3
  const open: SpillSystem['open'] = (...args) => {
    refusals -= 1
    return refusals >= 0 ? Promise.reject(failure('EMFILE')) : nodeSystem.open(...args)
  }
  const buffer = new TaskBuffer({ folder: folderWith({ system: { open } }), memoryBytes: 4 })
  for (const chunk of ['abcde', 'f', 'g']) await buffer.append(Buffer.from(chunk))
  expect(buffer.memoryBytes).toBe(7)
  await buffer.append(Buffer.from('h'))
  expect(buffer.memoryBytes).toBe(0)
  const writer = new MemoryWriter()
  await buffer.drainTo(writer)
  expect(writer.text).toBe('abcdefgh')
})

test('with more than the grace in memory it waits for a descriptor, and not for ever', async () => {
  let refusals = 5
  const open: SpillSystem['open'] = (...args) => {
    refusals -= 1
    return refusals >= 0 ? Promise.reject(failure('ENFILE')) : nodeSystem.open(...args)
  }
  const patient = new TaskBuffer({ folder: folderWith({ system: { open } }), memoryBytes: 2, graceBytes: 4 })
  await patient.append(Buffer.from('abcde'))
  expect(refusals).toBe(-1)
  const never = folderWith({ patienceMs: 0, system: { open: () => Promise.reject(failure('EMFILE')) } })
  const hopeless = new TaskBuffer({ folder: never, memoryBytes: 2, graceBytes: 4 })
  await expect(hopeless.append(Buffer.from('abcde'))).rejects.toMatchObject({ code: 'ERR_DROVER_SPILL' })
})
