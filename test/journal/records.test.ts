import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRecord } from '../../src/journal/records.js'
import { resultLine } from '../../src/task/result-json.js'
import { resultOf } from '../output/support.js'

const KEY = '0a1b2c3d'.repeat(4)
const parse = (text: string) => parseRecord(Buffer.from(text))

describe('parseRecord()', () => {
  it('gives back what was written', () => {
    const result = resultOf(3, { id: 'é', key: KEY, stdout: 'a\n"\u0000', meta: { deep: [1] } })
    expect(parse(resultLine(result))).toEqual(result)
    expect(parse(resultLine({ ...result, type: 'attempt' }))).toEqual({ ...result, type: 'attempt' })
    const head = { type: 'run', version: 1, run: 'r1', startedAt: '', pid: 1, host: 'here', cwd: '/', command: [] }
    expect(parse(JSON.stringify(head))).toEqual(head)
  })

  it.each([
    ['nothing', ''],
    ['a brace', '{'],
    ['an empty object', '{}'],
    ['null', 'null'],
    ['a list', '[{"type":"result","run":"r"}]'],
    ['another type', '{"type":"task","run":"r"}'],
    ['a type that objects inherit', '{"type":"toString","run":"r"}'],
    ['no run', '{"type":"result"}'],
    ['two objects', '{"type":"run","run":"r"}{"type":"run","run":"r"}'],
    ['NULs in front', '\0\0{"type":"run","run":"r","version":1}'],
    ['NULs within', '{"type":"run","run":"r\0","version":1}'],
    ['a lone byte that is no UTF-8', '{"type":"run","run":"r\xff","version":1}'],
    ['a result without a key', '{"type":"result","run":"r","id":"a","state":"failed"}'],
    ['a result without an id', `{"type":"result","run":"r","key":"${KEY}","state":"failed"}`],
    ['a result with a number for an id', `{"type":"result","run":"r","id":5,"key":"${KEY}","state":"failed"}`],
    ['a result with a key that is none', '{"type":"result","run":"r","id":null,"key":"a","state":"failed"}'],
    ['a result without a state', `{"type":"result","run":"r","id":null,"key":"${KEY}"}`],
    ['a result with a state that there is not', `{"type":"result","run":"r","id":null,"key":"${KEY}","state":"done"}`],
  ])('takes %s for no record', (_what, line) => {
    expect(parseRecord(Buffer.from(line, 'latin1'))).toBeNull()
  })

  it('takes no beginning and no end of a record for one', () => {
    const line = resultLine(resultOf(0, { key: KEY, stdout: '{"type":"result","run":"r"}', meta: {} }))
    for (let at = 1; at < line.length; at++) {
      expect(parse(line.slice(0, at))).toBeNull()
      expect(parse(line.slice(at))).toBeNull()
    }
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.jsonValue(), (bytes, value) => {
        expect(parseRecord(Buffer.from(bytes))).toBeNull()
        expect(parse(JSON.stringify(value))).toBeNull()
      }),
    )
  })
})
