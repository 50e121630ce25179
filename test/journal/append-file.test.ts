import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Fsync } from '../../src/journal/append-file.js'
import { JournalError } from '../../src/journal/journal-error.js'
import { flush, unhandledDuring } from '../helpers/fake-time.js'
import { openerInFakeTime, record, Watch } from './appending.js'
import { FakeDisk } from './fake-disk.js'

const appendTo = openerInFakeTime()

describe('writing', () => {
  it('gathers what comes while a batch is being written, and writes it as one', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    const watch = new Watch(file)
    const release = disk.hold('writev')
    for (const text of ['a', 'b', 'c', 'd']) watch.append(text)
    await flush()
    expect(watch.done).toEqual([])
    expect(disk.count('writev')).toBe(1)
    release()
    await flush()
    expect(disk.content.toString()).toBe('a\nb\nc\nd\n')
    expect(watch.done).toEqual(['a', 'b', 'c', 'd'])
    expect(disk.count('writev')).toBe(2)
  })

  it('goes on with the rest after a short write, and tells nobody before all of it is written', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    const watch = new Watch(file)
    disk.atMost = () => 2
    const release = disk.hold('writev')
    watch.append('abcdef')
    await flush()
    release()
    await vi.waitFor(() => expect(watch.done).toEqual(['abcdef']))
    expect(disk.count('writev')).toBe(4)
    expect(disk.content.toString()).toBe('abcdef\n')
  })

  it('gives no single call more pieces than the system takes', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    const first = file.append(record('first'))
    const many = Array.from({ length: 1500 }, (_, n) => file.append(record(String(n))))
    await Promise.all([first, ...many])
    expect(disk.content.toString()).toBe(['first', ...Array(1500).keys(), ''].join('\n'))
    expect(disk.count('writev')).toBe(4)
  })

  it('gives exactly what was appended, in order, whatever the sizes and however short the writes', async () => {
    const piece = fc.uint8Array({ maxLength: 20 })
    const step = fc.record({ pieces: fc.array(piece, { maxLength: 4 }), wait: fc.boolean() })
    const fsync = fc.constantFrom<Fsync>('always', 'interval', 'never')
    await fc.assert(
      fc.asyncProperty(fc.array(step), fc.infiniteStream(fc.integer({ min: 1, max: 30 })), fsync, async (...given) => {
        const [steps, shorts, policy] = given
        const disk = new FakeDisk()
        disk.atMost = () => shorts.next().value as number
        const file = appendTo(disk, policy)
        const appended: Promise<void>[] = []
        for (const { pieces, wait } of steps) {
          appended.push(file.append(pieces))
          if (wait) await flush()
        }
        await Promise.all(appended)
        expect(disk.content).toEqual(Buffer.concat(steps.flatMap(({ pieces }) => pieces)))
        await file.finish()
      }),
    )
  })
})

describe('a failure', () => {
  it('in the middle of a record takes its beginning away again, and nothing is written any more', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    const watch = new Watch(file)
    disk.room = 7
    for (const text of ['one', 'two-which-is-long', 'three']) watch.append(text)
    await vi.waitFor(() => expect(watch.failed).toHaveLength(2))
    await flush()
    expect(disk.content.toString()).toBe('one\n')
    expect(watch.done).toEqual(['one'])
    disk.room = Number.POSITIVE_INFINITY
    watch.append('four')
    await flush()
    expect(disk.content.toString()).toBe('one\n')
    const errors = new Set(watch.failed.map(([, error]) => error))
    expect(errors).toEqual(new Set([file.failure]))
    expect(watch.failed.map(([text]) => text).sort()).toEqual(['four', 'three', 'two-which-is-long'])
    expect(file.failure).toMatchObject({
      code: 'ERR_DROVER_JOURNAL',
      path: 'night.jsonl',
      message: expect.stringMatching(/night\.jsonl cannot be written to: the disk is full.*--resume \(ENOSPC\)/),
      cause: { code: 'ENOSPC' },
    })
  })

  it('leaves whole records of which none is missing that was told, wherever it comes', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '"'), maxLength: 12 })
    const step = fc.record({ text, wait: fc.boolean() })
    const trouble = fc.record({
      room: fc.nat(150),
      short: fc.integer({ min: 1, max: 40 }),
      failing: fc.constantFrom('none', 'sync', 'writev'),
      after: fc.nat(20),
      fsync: fc.constantFrom<Fsync>('always', 'interval', 'never'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), trouble, async (steps, how) => {
        const disk = new FakeDisk()
        const file = appendTo(disk, how.fsync)
        const watch = new Watch(file)
        disk.room = how.room
        disk.atMost = () => how.short
        for (const [n, { text, wait }] of steps.entries()) {
          if (n === how.after && how.failing !== 'none') disk.failures[how.failing as 'sync'] = 'EIO'
          watch.append(text)
          if (wait) await flush()
        }
        await file.finish().catch(() => {})
        expect(watch.done.length + watch.failed.length).toBe(steps.length)
        const lines = disk.content.toString().split('\n')
        expect(lines.pop()).toBe('')
        const all = steps.map((each) => each.text)
        expect(lines).toEqual(all.slice(0, lines.length))
        expect(watch.done).toEqual(all.slice(0, watch.done.length))
        expect(lines.length).toBeGreaterThanOrEqual(watch.done.length)
      }),
    )
  })

  it('stands also when nothing can be taken away', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    await file.append(record('whole'))
    disk.room = 8
    disk.failures.truncate = 'EIO'
    await expect(file.append(record('too long'))).rejects.toMatchObject({ cause: { code: 'ENOSPC' } })
    await expect(file.finish()).rejects.toBe(file.failure)
    expect(disk.content.toString()).toBe('whole\nto')
  })

  it('is an unhandled rejection only for who appended and looks away', async () => {
    const disk = new FakeDisk()
    disk.failures.writev = 'EIO'
    const file = appendTo(disk)
    const found = await unhandledDuring(async () => {
      await expect(file.append(record('a'))).rejects.toBeInstanceOf(JournalError)
      await expect(file.append(record('b'))).rejects.toBe(file.failure)
    })
    expect(found).toEqual([])
  })
})

describe('fail()', () => {
  it('rejects what waits; what is being written stands and is told', async () => {
    const disk = new FakeDisk()
    const file = appendTo(disk)
    const watch = new Watch(file)
    const release = disk.hold('writev')
    watch.append('a')
    watch.append('b')
    await flush()
    const error = new JournalError('night.jsonl', 'is lost')
    file.fail(error)
    file.fail(new JournalError('night.jsonl', 'is lost again'))
    await flush()
    expect(watch.failed).toEqual([['b', error]])
    release()
    await flush()
    expect(watch.done).toEqual(['a'])
    expect(disk.content.toString()).toBe('a\n')
    await expect(file.append(record('c'))).rejects.toBe(error)
    await expect(file.finish()).rejects.toBe(error)
  })
})
