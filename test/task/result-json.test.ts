import { expect, test } from 'vitest'
import { resultLine } from '../../src/task/result-json.js'
import { resultOf } from '../output/support.js'

test('the fields come in the order of the documentation, without what is not there', () => {
  const all = resultOf(3, { meta: { a: 1 }, stdoutBase64: '/w==', stderrBase64: '/g==', stdout: '\ufffd' })
  expect(Object.keys(JSON.parse(resultLine(all))).join(' ')).toBe(
    'type run id key index state exitCode signal stdout stderr stdoutBase64 stderrBase64 stdoutBytes stderrBytes ' +
      'truncated pipeHeld leftovers attempt attempts startedAt durationMs queuedMs cpuUserMs cpuSystemMs maxRssBytes ' +
      'pid host command args meta error',
  )
  const { meta, stdoutBase64, stderrBase64, ...plain } = all
  expect(JSON.parse(resultLine(plain))).toEqual(plain)
  expect(Object.keys(JSON.parse(resultLine(plain)))).not.toContain('meta')
})

test('it is one line', () => {
  expect(resultLine(resultOf(0, { stdout: 'a\nb\r\u2028\ud800' }))).not.toMatch(/[\n\r]/)
})

test('bytes are base64, wherever they are', () => {
  const bytes = Uint8Array.of(0xff, 0x61)
  const line = resultLine(
    resultOf(0, {
      command: Buffer.from(bytes),
      args: ['plain', bytes, { base64: 'AAA=' }],
      meta: { deep: [Buffer.from('x'), 7n, new Date(0)] },
    }),
  )
  expect(JSON.parse(line)).toMatchObject({
    command: { base64: '/2E=' },
    args: ['plain', { base64: '/2E=' }, { base64: 'AAA=' }],
    meta: { deep: [{ base64: 'eA==' }, '7', '1970-01-01T00:00:00.000Z'] },
  })
  expect(line).not.toContain('"Buffer"')
})

test('output that is kept as bytes is text, and base64 only where it is not UTF-8', () => {
  const result = { ...resultOf(0), stdout: Buffer.from('é'), stderr: Buffer.of(0x61, 0xff) }
  const { stdout, stdoutBase64, stderr, stderrBase64 } = JSON.parse(resultLine(result))
  expect([stdout, stdoutBase64, stderr, stderrBase64]).toEqual(['é', undefined, 'a\ufffd', 'Yf8='])
})

test('a meta that contains itself costs the meta and not the result', () => {
  const meta: { self?: unknown } = {}
  meta.self = meta
  expect(JSON.parse(resultLine(resultOf(5, { meta })))).toMatchObject({ index: 5, meta: null })
})
