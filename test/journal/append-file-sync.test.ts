import { describe, expect, it, vi } from 'vitest'
import { type Fsync, SYNC_MS } from '../../src/journal/append-file.js'
import { flush } from '../helpers/fake-time.js'
import { openerInFakeTime, record, Watch } from './appending.js'
import { FakeDisk } from './fake-disk.js'

const appendTo = openerInFakeTime()

describe('forcing to the disk', () => {
  it('always: a record is told only when it is there, and many share one call', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk, 'always')
    const watch = new Watch(file)
    const release = disk.hold('sync')
    for (const text of ['a', 'b', 'c']) watch.append(text)
    await flush()
    expect(disk.content.toString()).toBe('a\n')
    expect(watch.done).toEqual([])
    release()
    await flush()
    expect(watch.done).toEqual(['a', 'b', 'c'])
    expect(disk.count('sync')).toBe(2)
    expect(disk.syncedBytes).toBe(6)
  })

  it('always: what could not be forced is not told, though it may be in the file', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk, 'always')
    await file.append(record('a'))
    disk.failures.sync = 'EIO'
    await expect(file.append(record('b'))).rejects.toMatchObject({ message: expect.stringContaining('EIO') })
    await expect(file.append(record('c'))).rejects.toBe(file.failure)
    expect(disk.syncedBytes).toBe(2)
  })

  it('interval: told at once, and there within the bound', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.append(record('a'))
    expect(disk.syncedBytes).toBe(0)
    await vi.advanceTimersByTimeAsync(SYNC_MS - 1)
    await file.append(record('b'))
    await vi.advanceTimersByTimeAsync(SYNC_MS)
    expect(disk.syncedBytes).toBe(4)
    const { length } = disk.calls.filter((call) => call === 'sync')
    await vi.advanceTimersByTimeAsync(10 * SYNC_MS)
    expect(disk.count('sync')).toBe(length)
  })

  it('interval: what is written while another is being forced is forced the next time', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.append(record('a'))
    const release = disk.hold('sync')
    await vi.advanceTimersByTimeAsync(SYNC_MS)
    await file.append(record('b'))
    release()
    await vi.advanceTimersByTimeAsync(SYNC_MS)
    expect(disk.syncedBytes).toBe(4)
  })

  it('interval: an error of it ends the writing', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.append(record('a'))
    disk.failures.sync = 'EIO'
    await vi.advanceTimersByTimeAsync(SYNC_MS)
    expect(file.failure?.message).toMatch(/forced to the disk.*EIO/)
    await expect(file.append(record('b'))).rejects.toBe(file.failure)
    expect(disk.content.toString()).toBe('a\n')
  })

  it('never: left to the system, also at the end', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk, 'never')
    await file.append(record('a'))
    await vi.advanceTimersByTimeAsync(3 * SYNC_MS)
    await file.finish()
    expect(disk.count('sync')).toBe(0)
  })
})

it.each<Fsync>(['always', 'interval', 'never'])('notices that the file was deleted (%s)', async (fsync) => {
  const disk = new FakeDisk()
  const file = appendTo(disk, fsync)
  await file.append(record('a'))
  disk.names = 0
  await vi.advanceTimersByTimeAsync(SYNC_MS)
  expect(file.failure?.message).toMatch(/was deleted/)
  await expect(file.append(record('b'))).rejects.toBe(file.failure)
  await expect(file.finish()).rejects.toBe(file.failure)
})

describe('finish()', () => {
  it('waits for what was appended before, forces it to the disk, and takes nothing more', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    const watch = new Watch(file)
    const release = disk.hold('writev')
    watch.append('a')
    watch.append('b')
    let isFinished = false
    const finished = file.finish().then(() => {
      isFinished = true
    })
    watch.append('late')
    await flush()
    expect(isFinished).toBe(false)
    release()
    await finished
    expect(watch.done).toEqual(['a', 'b'])
    expect(watch.failed).toEqual([['late', expect.objectContaining({ code: 'ERR_DROVER_JOURNAL' })]])
    expect(disk.content.toString()).toBe('a\nb\n')
    expect(disk.syncedBytes).toBe(4)
    const calls = disk.calls.length
    await expect(file.append(record('later'))).rejects.toThrow(/night\.jsonl.*closed/)
    await vi.advanceTimersByTimeAsync(3 * SYNC_MS)
    expect(disk.calls).toHaveLength(calls)
  })

  it('waits for a forcing that is under way, and tells of its error', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.append(record('a'))
    const release = disk.hold('sync')
    await vi.advanceTimersByTimeAsync(SYNC_MS)
    expect(disk.count('sync')).toBe(1)
    disk.failures.sync = 'EIO'
    let ended = false
    const finishing = file.finish().catch((error: unknown) => {
      ended = true
      return error
    })
    await flush()
    expect(ended).toBe(false)
    release()
    expect(await finishing).toMatchObject({ message: expect.stringContaining('EIO') })
  })

  it('tells that the file was deleted since', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.append(record('a'))
    disk.names = 0
    await expect(file.finish()).rejects.toThrow(/was deleted/)
  })

  it('is at once where nothing was appended, and may be called again', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.finish()
    await file.finish()
    expect(disk.count('sync')).toBe(0)
  })
})
