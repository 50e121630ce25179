import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ProcessPool } from '../../dist/index.js'
import { FrameReader, HEADER_BYTES } from '../../src/pool/wire/frame.js'
import { FrameWriter } from '../../src/pool/wire/frame-writer.js'
import { Codec, encodeValue } from '../../src/pool/wire/values.js'
import { LAUNCHERS, programFile, settled } from './support.js'

const SIZES = [1, 5_461, 5_462, 16_383, 16_384, 65_526, 100_000, 349_520, 349_530, 1_100_000]
const FILLS = ['x', 'ü', '€']

/** Like no other. */
const textOf = (number: number, units: number, fill: string) => `${number} `.padEnd(units, fill)

describe.each(LAUNCHERS)('long messages (%s)', (launcher) => {
  it.each([1, 16])('come back as they were, also where the pipe is full (pipeline: %i)', async (pipeline) => {
    const program = pathToFileURL(programFile('slow-echo.mjs'))
    const pool = new ProcessPool(program, { max: 2, pipeline, launcher })
    onTestFinished(() => pool.destroy({ graceMs: 0 }))
    const texts = FILLS.flatMap((fill) => SIZES.map((units, n) => textOf(n, units, fill)))
    const values = texts.flatMap((text) => [text, Buffer.from(text), { text }])
    const answers = await settled(Promise.all(values.map(async (value) => (await pool.request(value)).value)))
    for (const [place, value] of values.entries()) {
      const answer = answers[place]
      if (Buffer.isBuffer(value)) expect(value.equals(answer as Buffer)).toBe(true)
      else if (typeof value === 'string') expect(answer === value).toBe(true)
      else expect((answer as typeof value).text === value.text).toBe(true)
    }
  })
})

describe('frames of long texts', () => {
  const TYPES = { request: 17 }
  const write = (writer: FrameWriter, id: number, text: string) => {
    writer.value(TYPES.request, id, encodeValue(text, true))
    return writer.take() as Buffer[]
  }
  const read = (pieces: readonly Buffer[]) => {
    const got: { id: number; text: string }[] = []
    const reader = new FrameReader(TYPES, 2 ** 31, (_type, id, payload) => {
      expect(payload[0]).toBe(Codec.text)
      got.push({ id, text: payload.toString('utf8', 1) })
    })
    for (const piece of pieces) reader.read(piece)
    return got
  }

  it.each(SIZES)('are what was given, of %i units', (units) => {
    const writer = new FrameWriter()
    for (const [id, fill] of FILLS.entries()) {
      const text = textOf(id, units, fill)
      const pieces = write(writer, id, text)
      expect(read(pieces)).toEqual([{ id, text }])
      expect(Buffer.concat(pieces).length).toBe(HEADER_BYTES + 1 + Buffer.byteLength(text))
      writer.written()
    }
  })

  it('are written where others were before, once those are written', () => {
    const [one, other] = [new FrameWriter(), new FrameWriter()]
    const [first] = write(one, 1, textOf(1, 100_000, 'x'))
    one.written()
    const [second] = write(other, 2, textOf(2, 100_000, 'y'))
    expect(second!.buffer).toBe(first!.buffer)
    expect(second!.byteOffset).toBe(first!.byteOffset)
    other.written()
  })

  it('are left alone as long as they are not written', () => {
    const [one, other] = [new FrameWriter(), new FrameWriter()]
    const text = textOf(1, 100_000, 'x')
    const held = write(one, 1, text)
    one.held()
    for (let id = 2; id < 40; id++) {
      write(other, id, textOf(id, 100_000, 'y'))
      other.written()
    }
    expect(read(held)).toEqual([{ id: 1, text }])
  })

  it('are many of one take', () => {
    const writer = new FrameWriter()
    const texts = Array.from({ length: 40 }, (_, id) => textOf(id, 100_000, 'z'))
    for (const [id, text] of texts.entries()) writer.value(TYPES.request, id, encodeValue(text, true))
    expect(read(writer.take() as Buffer[])).toEqual(texts.map((text, id) => ({ id, text })))
    writer.written()
  })
})
