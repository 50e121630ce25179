import { describe, expect, it } from 'vitest'
import { AnswerForm } from '../../src/output/answer-form.js'

const CYCLE: { self?: unknown } = {}
CYCLE.self = CYCLE

describe('AnswerForm', () => {
  it.each<[string, unknown, string]>([
    ['text', 'one', 'one\n'],
    ['text that ends with a newline', 'one\n', 'one\n'],
    ['several lines', 'one\ntwo', 'one\ntwo\n'],
    ['nothing', undefined, '\n'],
    ['empty text', '', '\n'],
    ['bytes', Buffer.from([0xff, 0x0a]), '\xff\n'],
    ['an object', { a: [1, null] }, '{"a":[1,null]}\n'],
    ['a big integer', 12n, '"12"\n'],
  ])('lines: %s', (_what, value, expected) => {
    expect(new AnswerForm('lines', false).bytes(value).toString('latin1')).toBe(expected)
  })

  it.each<[string, unknown, string]>([
    ['a number in text stays text', '12', '"12"\n'],
    ['an object', { a: 'x\ny' }, '{"a":"x\\ny"}\n'],
    ['undefined', undefined, 'null\n'],
    ['what contains itself', CYCLE, 'null\n'],
    ['bytes that are text', Buffer.from('abc'), '"abc"\n'],
    ['other bytes', Buffer.from([0xff]), '{"base64":"/w=="}\n'],
  ])('jsonl from values: %s', (_what, value, expected) => {
    expect(new AnswerForm('jsonl', false).bytes(value).toString()).toBe(expected)
  })

  it.each<[string, unknown, string]>([
    ['a number', '12', '12\n'],
    ['JSON as it stands', ' {"b": 1.0,  "a": 1e400} \r', '{"b": 1.0,  "a": 1e400}\n'],
    ['JSON over lines', '{\n  "a": 1\n}', '{"a":1}\n'],
    ['no JSON', Buffer.from('plain'), '"plain"\n'],
  ])('jsonl from text: %s', (_what, value, expected) => {
    expect(new AnswerForm('jsonl', true).bytes(value).toString()).toBe(expected)
  })

  it('lengths', () => {
    const form = new AnswerForm('length', false)
    expect(form.bytes('\u00e9\n').toString('hex')).toBe('00000003c3a90a')
    expect(form.bytes(undefined).toString('hex')).toBe('00000000')
  })

  it('marks what is missing', () => {
    expect(new AnswerForm('lines', true).missing.toString()).toBe('\n')
    expect(new AnswerForm('jsonl', true).missing.toString()).toBe('null\n')
    expect(new AnswerForm('length', true).missing.toString('hex')).toBe('ffffffff')
  })
})
