import { describe, expect, it } from 'vitest'
import { ChildInput } from '../../src/launcher/native/child-input.js'
import { FrameReader } from '../../src/launcher/native/frame-reader.js'
import { FrameWriter, textBound } from '../../src/launcher/native/frame-writer.js'
import { Notice } from '../../src/launcher/native/wire.js'

function frame(type: number, flags: number, number: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt32LE(payload.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt32LE(number, 8)
  return Buffer.concat([header, payload])
}

function read(chunks: Buffer[]): { output: string; notices: string[] } {
  let output = ''
  const notices: string[] = []
  const reader = new FrameReader({
    onOutput: (_number, _flags, chunk) => {
      output += chunk.toString()
    },
    onNotice: (type, flags, number, bytes, at, length) => {
      notices.push(`${type} ${flags} ${number} ${bytes.toString('hex', at, at + length)}`)
    },
  })
  for (const chunk of chunks) reader.read(chunk)
  return { output, notices }
}

describe('frames from the launcher', () => {
  const stream = Buffer.concat([
    frame(Notice.spawned, 0, 1, Buffer.from([1, 2, 3, 4])),
    frame(Notice.output, 1, 1, Buffer.from('some output')),
    frame(Notice.outputEnd, 2, 0xfffffffe, Buffer.alloc(0)),
    frame(Notice.output, 2, 1, Buffer.from('!')),
    frame(Notice.exit, 7, 1, Buffer.alloc(24, 0xab)),
  ])
  const notices = [
    `${Notice.spawned} 0 1 01020304`,
    `${Notice.outputEnd} 2 4294967294 `,
    `${Notice.exit} 7 1 ${'ab'.repeat(24)}`,
  ]

  it('are the same wherever a read has split them', () => {
    for (let split = 0; split <= stream.length; split++) {
      const result = read([stream.subarray(0, split), stream.subarray(split)])
      expect(result.notices).toEqual(notices)
      expect(result.output).toBe('some output!')
    }
  })

  it('are the same byte by byte', () => {
    const result = read([...stream].map((byte) => Buffer.from([byte])))
    expect(result.notices).toEqual(notices)
    expect(result.output).toBe('some output!')
  })

  it('are refused when a notice is longer than any', () => {
    expect(() => read([frame(Notice.exit, 0, 1, Buffer.alloc(65))])).toThrow(/notice of 65 bytes/)
  })

  it('give output that does not keep a big read buffer alive', () => {
    const chunks: Buffer[] = []
    const reader = new FrameReader({ onOutput: (_number, _flags, chunk) => chunks.push(chunk), onNotice() {} })
    const bytes = Buffer.allocUnsafeSlow(15)
    frame(Notice.output, 1, 1, Buffer.from('few')).copy(bytes)
    reader.read(bytes)
    expect(chunks[0]!.buffer).not.toBe(bytes.buffer)
  })
})

describe('frames to the launcher', () => {
  async function written(write: (writer: FrameWriter) => void): Promise<{ bytes: Buffer; sends: number }> {
    const pieces: Uint8Array[] = []
    let sends = 0
    const writer = new FrameWriter((more) => {
      sends += 1
      pieces.push(...more)
    })
    write(writer)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    return { bytes: Buffer.concat(pieces), sends }
  }

  it('hold texts as UTF-8 or as the bytes they are, in one write', async () => {
    const texts = ['short', 'é漢🎉', 'x'.repeat(100_000), Buffer.from([0xff, 0xfe]), '']
    const { bytes, sends } = await written((writer) => {
      for (const text of texts) {
        writer.begin(1, 0, 5, textBound(text))
        writer.text(text)
        writer.end()
      }
    })
    const expected = texts.map((text) => {
      const content = Buffer.from(text as string)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(content.length)
      return frame(1, 0, 5, Buffer.concat([length, content, Buffer.from([0])]))
    })
    expect(bytes.equals(Buffer.concat(expected))).toBe(true)
    expect(sends).toBe(1)
  })

  it('hold small and large bytes in the order they came', async () => {
    const parts = [10, 20_000, 1, 100_000, 8191, 8192].map((size, n) => Buffer.alloc(size, n + 1))
    const { bytes } = await written((writer) => {
      for (const [n, part] of parts.entries()) writer.bytes(2, n, part)
    })
    expect(bytes.equals(Buffer.concat(parts.map((part, n) => frame(2, 0, n, part))))).toBe(true)
  })
})

describe('standard input on its way', () => {
  function input() {
    const sent: number[] = []
    let ends = 0
    const sink = { sendInput: (bytes: Uint8Array) => sent.push(bytes.length), sendInputEnd: () => (ends += 1) }
    const total = () => sent.reduce((sum, bytes) => sum + bytes, 0)
    return { input: new ChildInput(sink), sent: total, ends: () => ends }
  }

  it('keeps a window on the way and the rest here', () => {
    const { input: stdin, sent, ends } = input()
    expect(stdin.write(Buffer.alloc(1_000_000))).toBe(false)
    stdin.end()
    expect(sent()).toBe(131_072)
    expect(ends()).toBe(0)
    let rounds = 0
    while (sent() < 1_000_000) {
      expect(stdin.acknowledge(32_768)).toBe(false)
      rounds += 1
    }
    expect(rounds).toBe(27)
    expect(ends()).toBe(1)
  })

  it('asks to wait at 64 KiB, and says to go on once, at half of that', () => {
    const { input: stdin } = input()
    expect(stdin.write(Buffer.alloc(65_535))).toBe(true)
    expect(stdin.write('x')).toBe(false)
    expect(stdin.acknowledge(16_384)).toBe(false)
    expect(stdin.acknowledge(16_384)).toBe(true)
    expect(stdin.acknowledge(16_384)).toBe(false)
    expect(stdin.write('x')).toBe(true)
  })

  it('takes and drops everything once it is closed', () => {
    const { input: stdin, sent } = input()
    stdin.write(Buffer.alloc(100_000))
    expect(stdin.close()).toBe(true)
    expect(stdin.write(Buffer.alloc(100_000))).toBe(true)
    stdin.end()
    expect(sent()).toBe(100_000)
  })
})
