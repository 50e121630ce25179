import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LengthSplitter } from '../../src/input/length-splitter.js'

const withLength = (message: Uint8Array) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(message.length)
  return Buffer.concat([length, message])
}

/** What comes out of the splitter: messages as hex, problems as they are told. */
function split(stream: Buffer, cuts: readonly number[], maxBytes: number): string[] {
  const splitter = new LengthSplitter('stdin', maxBytes)
  const out: string[] = []
  let start = 0
  for (const cut of [...cuts, stream.length]) {
    for (const message of splitter.push(stream.subarray(start, cut))) {
      out.push(Buffer.isBuffer(message) ? message.toString('hex') : message.error.message)
    }
    start = cut
  }
  for (const { error } of splitter.end()) out.push(error.message)
  return out
}

const places = (length: number) =>
  fc.array(fc.nat({ max: length }), { maxLength: 20 }).map((cuts) => cuts.sort((a, b) => a - b))

describe('LengthSplitter', () => {
  it('gives the messages, wherever the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 })
    fc.assert(
      fc.property(
        messages.chain((given) => {
          const stream = Buffer.concat(given.map(withLength))
          return fc.tuple(
            fc.constant(given),
            fc.constant(stream),
            places(stream.length),
            fc.integer({ min: 1, max: 50 }),
          )
        }),
        ([given, stream, cuts, maxBytes]) => {
          const expected = given.map((message, at) =>
            message.length <= maxBytes
              ? Buffer.from(message).toString('hex')
              : `stdin, message ${at + 1}: the message is longer than ${maxBytes} bytes; shorten it, or raise the limit with --max-line`,
          )
          expect(split(stream, cuts, maxBytes)).toEqual(expected)
        },
      ),
    )
  })

  it('tells of an end in the middle, wherever that is', () => {
    const stream = Buffer.concat([withLength(Buffer.from('one')), withLength(Buffer.from('three'))])
    for (let end = 0; end <= stream.length; end += 1) {
      const isWhole = end === 0 || end === 7 || end === stream.length
      const told = split(stream.subarray(0, end), [], 10)
      const problem = `stdin, message ${end < 7 ? 1 : 2}: the input ends in the middle of it`
      expect(told.filter((line) => line.startsWith('stdin'))).toEqual(isWhole ? [] : [problem])
    }
  })

  it('holds nothing of a message that is too long', () => {
    const splitter = new LengthSplitter('stdin', 4)
    const told = [...splitter.push(Buffer.from('ffffffff', 'hex'))]
    expect(told).toHaveLength(1)
    const chunk = Buffer.alloc(64 * 1024)
    for (let n = 0; n < 1_000; n += 1) expect([...splitter.push(chunk)]).toEqual([])
    expect([...splitter.end()]).toEqual([])
  })
})
