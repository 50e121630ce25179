import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { FdWriter, type Writev } from '../../src/output/fd-writer.js'
import { temporaryFolder, until } from './support.js'

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
const descriptors: number[] = []

afterEach(() => {
  for (const fd of descriptors.splice(0)) closeSync(fd)
})

/** Both ends of a real pipe; the reading end never blocks. */
function makePipe(writeFlags = O_WRONLY): { reader: number; writer: number } {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, O_RDONLY | O_NONBLOCK)
  const writer = openSync(path, writeFlags)
  descriptors.push(writer)
  return { reader, writer }
}

/** What is in the pipe now; nothing when it is empty. */
function readSome(fd: number): Buffer {
  const buffer = Buffer.alloc(1000)
  try {
    return buffer.subarray(0, readSync(fd, buffer))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return Buffer.alloc(0)
    throw error
  }
}

const pattern = (bytes: number) => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) % 251))

describe('a pipe', () => {
  for (const [kind, flags] of [
    ['blocking', O_WRONLY],
    ['non-blocking', O_WRONLY | O_NONBLOCK],
  ] as const) {
    test(`a slow reader gets all bytes in order and holds up the caller (${kind})`, async () => {
      const { reader, writer: fd } = makePipe(flags)
      descriptors.push(reader)
      const writer = new FdWriter(fd)
      const sent = pattern(400_000)
      let waits = 0
      let fed = 0
      let mostQueued = 0
      const feeding = (async () => {
        for (let at = 0; at < sent.length; at += 10_000) {
          const full = writer.write(sent.subarray(at, at + 10_000))
          if (full !== undefined) waits += 1
          fed += 10_000
          mostQueued = Math.max(mostQueued, writer.queuedBytes)
          await full
        }
        await writer.flush()
      })()
      await until(() => waits > 0)
      expect(fed).toBeLessThan(sent.length)
      const received: Buffer[] = []
      let bytes = 0
      await until(() => {
        for (let chunk = readSome(reader); chunk.length > 0; chunk = readSome(reader)) {
          received.push(chunk)
          bytes += chunk.length
        }
        return bytes >= sent.length
      })
      await feeding
      expect(Buffer.concat(received).equals(sent)).toBe(true)
      expect(mostQueued).toBeLessThan(128 * 1024 + 10_000)
      expect(writer.queuedBytes).toBe(0)
      expect(writer.broken).toBe(false)
    })
  }

  test('a reader that has gone breaks the writer once', async () => {
    const { reader, writer: fd } = makePipe()
    closeSync(reader)
    const errors: (string | undefined)[] = []
    const writer = new FdWriter(fd, { onBroken: (error) => errors.push(error.code), highWaterBytes: 10 })
    await Promise.all([writer.write('one, which is long'), writer.write('two')])
    await writer.flush()
    expect(errors).toEqual(['EPIPE'])
    expect(writer.broken).toBe(true)
    expect(writer.write('three, which is long')).toBeUndefined()
    await writer.flush()
    expect(errors).toEqual(['EPIPE'])
  })
})

test('a full disk breaks the writer with its code', async () => {
  const fd = openSync('/dev/full', 'w')
  descriptors.push(fd)
  const errors: (string | undefined)[] = []
  const writer = new FdWriter(fd, { onBroken: (error) => errors.push(error.code) })
  writer.write('x')
  await writer.flush()
  expect(errors).toEqual(['ENOSPC'])
})

test('what waits goes out together, parts are continued and EAGAIN is tried again', async () => {
  const calls: string[] = []
  const answers: (number | string)[] = [1, 'EAGAIN', 0, 1, 'EAGAIN', 2]
  let written = ''
  const writev: Writev = (_fd, chunks, _position, done) => {
    const bytes = Buffer.concat(chunks).toString()
    calls.push(bytes)
    const answer = answers.shift() ?? bytes.length
    if (typeof answer === 'string')
      return void setImmediate(() => done(Object.assign(new Error(answer), { code: answer })))
    written += bytes.slice(0, answer)
    setImmediate(() => done(null, answer))
  }
  const writer = new FdWriter(9, { writev })
  for (const chunk of ['ab', '', 'cd', 'e', 'fg']) writer.write(chunk)
  await writer.flush()
  expect(calls).toEqual(['ab', 'b', 'b', 'b', 'cdefg', 'cdefg', 'efg'])
  expect(written).toBe('abcdefg')
})

test('flush of an idle writer resolves, and nothing below the mark makes a promise', async () => {
  const writer = new FdWriter(9, {
    highWaterBytes: 4,
    writev: (_fd, chunks, _at, done) => setImmediate(done, null, chunks[0]!.length),
  })
  await writer.flush()
  expect(writer.write('abc')).toBeUndefined()
  expect(writer.write('d')).toBeInstanceOf(Promise)
  await writer.flush()
})
