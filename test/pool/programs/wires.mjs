// The three protocols from the worker's side, from docs/protocol.md. No part of drover is used.
import { closeSync, readSync, writeSync } from 'node:fs'

const clock = new Int32Array(new SharedArrayBuffer(4))

export function sleep(ms) {
  Atomics.wait(clock, 0, 0, ms)
}

/** Writes all of it, however slowly it is read. */
export function put(fd, data) {
  const bytes = Buffer.from(data)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(0)
      sleep(1)
    }
  }
}

const chunk = Buffer.alloc(1 << 16)
let input = Buffer.alloc(0)

/** Reads until `take` finds a message at the beginning of the input: `[bytes taken, message]`. Null at the end of the input. */
function next(take) {
  for (;;) {
    const found = take(input)
    if (found !== null) {
      input = input.subarray(found[0])
      return found[1]
    }
    const more = readMore()
    if (more === 0) return null
    input = Buffer.concat([input, chunk.subarray(0, more)])
  }
}

function readMore() {
  for (;;) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      if (error.code !== 'EAGAIN') return 0
      sleep(1)
    }
  }
}

export function closeInput() {
  closeSync(0)
}

const frame = (type, id, payload, wrongBy = 0) => {
  const bytes = Buffer.concat([Buffer.alloc(9), Buffer.from(payload)])
  bytes.writeUInt32BE(bytes.length - 4 + wrongBy, 0)
  bytes[4] = type
  bytes.writeUInt32BE(id, 5)
  return bytes
}

const takeFrame = (input) => {
  if (input.length < 9) return null
  const end = input.readUInt32BE(0) + 4
  if (input.length < end) return null
  return [end, { type: input[4], id: input.readUInt32BE(5), payload: input.subarray(9, end) }]
}

const text = (string) => Buffer.concat([Buffer.from([2]), Buffer.from(string)])

const frames = {
  /** @param neverReady - READY is never sent. */
  begin: ({ neverReady = false }) => {
    if (!neverReady) put(1, frame(1, 0, JSON.stringify({ protocol: 1, codecs: [], concurrency: 1 })))
  },
  /** The next request as `{id, text}`, or null when the worker is asked to exit. */
  request: ({ noPong = false }) => {
    for (;;) {
      const message = next(takeFrame)
      if (message === null || message.type === 20) return null
      if (message.type === 19 && !noPong) put(1, frame(5, message.id, ''))
      if (message.type === 17) return { id: message.id, text: message.payload.subarray(1).toString() }
    }
  },
  answer: (id, string, wrongBy) => frame(2, id, text(string), wrongBy),
  error: (id, message) => frame(3, id, JSON.stringify({ name: 'Error', message })),
}

const lines = {
  begin: () => {},
  request: () => {
    const line = next((input) => {
      const end = input.indexOf('\n')
      return end < 0 ? null : [end + 1, input.subarray(0, end).toString()]
    })
    return line === null ? null : { id: 0, text: line }
  },
  answer: (_id, string) => Buffer.from(`${string}\n`),
}

const processPool = {
  begin: () => {},
  request: () => {
    const found = next((input) => {
      const head = /^(\d);(?:(\d+))?\n/.exec(input.subarray(0, 32).toString('latin1'))
      if (head === null) return null
      if (head[1] === '0') return [head[0].length, null]
      const end = head[0].length + Number(head[2])
      return input.length < end ? null : [end, input.subarray(head[0].length, end).toString()]
    })
    return found === null ? null : { id: 0, text: found }
  },
  answer: (_id, string, wrongBy = 0) => Buffer.from(`${Buffer.byteLength(string) + wrongBy};${string}`),
}

export const WIRES = { frames, lines, 'process-pool': processPool }
