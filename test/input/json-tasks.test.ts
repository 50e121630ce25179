import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openInput } from '../../src/input/input.js'
import { ArrayScanner } from '../../src/input/json-array.js'
import { chunksOf, open, read, readShown } from './support/read.js'

const messages = async (stdin: string | Buffer, more: object = {}) =>
  (await read({ tasks: '-', stdin, ...more })).map((task) => ('invalid' in task ? task.invalid.message : task.command))

describe('tasks as lines of JSON', () => {
  it('are read with all their fields', async () => {
    const tasks = [
      { command: 'a' },
      { id: 'x', command: 'b', args: ['1', { base64: '/w==' }], env: { A: null }, stdin: '', meta: { deep: [1] } },
      { command: 'c', stdinFile: 'f', cwd: '/', timeoutMs: 1.5, retries: 0, weight: 2, priority: -1 },
    ]
    const lines = tasks.map((task) => JSON.stringify(task))
    expect(await read({ tasks: '-', stdin: lines.join('\n') })).toEqual(tasks)
    expect(await read({ tasks: '-', stdin: `\ufeff\n \t\r\n${lines.join('\r\n\n')}\r\n \n` })).toEqual(tasks)
    expect(await read({ tasks: '-', stdin: `\ufeff[${lines.join(',')}]` })).toEqual(tasks)
    expect(await read({ tasks: '-', stdin: ` \n[\n${lines.join('\n,')}\n]\n` })).toEqual(tasks)
  })

  it('may have the aliases', async () => {
    expect(await read({ tasks: '-', stdin: '{"cmd":"a","identifier":"1"}' })).toEqual([{ command: 'a', id: '1' }])
  })

  it.each(['', '\n', ' \r\n\t', '\ufeff', '[]', ' [ ] '])('may be none: %j', async (stdin) => {
    expect(await read({ tasks: '-', stdin })).toEqual([])
  })

  it.each([
    ['{"command":"a"', 'stdin, line 1, column 15: not valid JSON: it ends too early'],
    ['\n\n  {"command":a}', 'stdin, line 3, column 14: not valid JSON: expected a value; strings need double quotes'],
    ['{"command":"a",}', 'stdin, line 1, column 16: not valid JSON: expected a property name'],
    ["{'command':'a'}", 'stdin, line 1, column 2: not valid JSON: expected a'],
    ['{"command":"a"} {"command":"b"}', 'stdin, line 1, column 17: not valid JSON: expected the end of the task'],
    ['{"command":"a"} // no', 'stdin, line 1, column 17: not valid JSON: expected JSON without comments'],
    ['{"command":"a\\x"}', 'stdin, line 1, column 12: not valid JSON: expected a valid escape'],
    ['{"command":"\t"}', 'stdin, line 1, column 12: not valid JSON: expected control characters to be escaped'],
    ['{"id":"ü","args":[1]}', 'field "command": expected a command, but there is none'],
    ['{"command":"ü😀","args":["x",1]}', 'stdin, line 1, column 29, field "args[1]": expected a string'],
    ['{"command":"a","env":{"A":{}}}', 'stdin, line 1, column 27, field "env.A": expected a string'],
    ['{"command":"a","retries":-1}', 'column 26, field "retries": expected a whole number of at least 0'],
    ['{"command":"a", "colour":1}', 'stdin, line 1, column 17, field "colour": unknown field'],
    ['{"cmd":1}', 'stdin, line 1, column 8, field "cmd": expected a string'],
    ['{"cmd":"a","command":"b"}', 'stdin, line 1, column 8, field "cmd": expected either'],
    ['"text"', 'stdin, line 1, column 1: expected an object like {"command": "…"}'],
    ['7', 'stdin, line 1, column 1: expected an object'],
    ['{"stdin":"a","stdinFile":"b","command":"c"}', 'column 26, field "stdinFile": expected either stdin or stdinFile'],
    [`{"command":"a","meta":${'['.repeat(600)}${']'.repeat(600)}}`, 'column 23, field "meta": expected values nested'],
    ['['.repeat(100_000), 'the array ends too early'],
    [`{"command":${'['.repeat(50_000)}`, 'stdin, line 1'],
  ])('that are bad are named with their place: %j', async (stdin, message) => {
    const found = await messages(stdin)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(message)
  })

  it('go on after a bad one', async () => {
    const found = await messages('{"command":"a"}\n{\n{"command":"b"}\n{"command":""}')
    expect(found).toEqual(['a', expect.stringContaining('line 2'), 'b', expect.stringContaining('line 4')])
  })

  it('that are bad keep the id they have', async () => {
    const [task] = await read({ tasks: '-', stdin: '{"id":"x","command":1}' })
    expect(task).toMatchObject({ id: 'x', invalid: { code: 'ERR_DROVER_INPUT' } })
  })

  it('end the iteration where it is strict', async () => {
    await expect(read({ tasks: '-', strict: true, stdin: '{"command":"a"}\n{}' })).rejects.toMatchObject({
      code: 'ERR_DROVER_INPUT',
      place: { source: 'stdin', line: 2, column: 1, field: 'command' },
    })
  })

  it('may have an id only once', async () => {
    const found = await messages('{"id":"1","command":"a"}\n{"id":"2","command":"b"}\n{"identifier":"1","command":"c"}')
    expect(found.slice(0, 2)).toEqual(['a', 'b'])
    expect(found[2]).toBe(
      'stdin, line 3, column 15, field "identifier": the id "1" was given before, in line 1; each id can be given once',
    )
    const inOneLine = await messages('[{"id":"1","command":"a"}, {"id":"1","command":"b"}]')
    expect(inOneLine[1]).toContain('given before, in column 2 of this line')
  })

  it('must be UTF-8', async () => {
    const line = Buffer.concat([Buffer.from('{}\n{"command":"é'), Buffer.from([0xff]), Buffer.from('"}\n')])
    expect((await messages(line))[1]).toBe('stdin, line 2, column 14: expected UTF-8; save the file in this encoding')
  })

  it('may be no longer than the limit', async () => {
    const long = `{"command":"${'x'.repeat(100)}"}`
    const found = await messages(`${long}\n{"command":"a"}\n${long}`, { maxLineBytes: 50 })
    expect(found).toEqual([
      'stdin, line 1: the line is longer than 50 bytes; shorten it, or raise the limit with --max-line',
      'a',
      expect.stringContaining('line 3'),
    ])
    expect(await messages(`[${long},{"command":"a"},\n ${long}]`, { maxLineBytes: 50 })).toEqual([
      expect.stringContaining('stdin, line 1, column 2: the task is longer than 50 bytes'),
      'a',
      expect.stringContaining('stdin, line 2, column 2: the task is longer'),
    ])
  })
})

describe('tasks as an array of JSON', () => {
  it.each([
    ['[{"command":"a"},\n  7, {"command":"b"}]', ['a', 'line 2, column 3: expected an object', 'b']],
    ['[{"command":"a"},, {"command":"b"}]', ['a', 'column 18: expected a task, not a comma', 'b']],
    ['[{"command":"a"},\n]', ['a', 'line 2, column 1: expected a task after the comma']],
    ['[{"command":"a"} {"command":"b"}]', ['column 18: not valid JSON: expected the end']],
    ['[{"command":"a"}] x', ['a', 'column 19: expected nothing after the end of the array']],
    [
      '[{"command":"a"},\n{"command":"b"',
      ['a', 'line 2, column 15: the array ends too early, without its "]"; the task'],
    ],
    ['[{"command":"a"}', ['line 1, column 17: the array ends too early']],
    ['[{"command":"a"},', ['a', 'the array ends too early']],
    ['[', ['the array ends too early']],
    ['[{"command":"a},\n{"command":"b"}]', ['line 1, column 16: a string is not closed']],
    ['[{"command":"a"}}, {"command":"b"}]', ['column 17: expected a comma or "]", not "}"']],
    ['[}', ['column 2: expected a task, not "}"']],
    ['[{"command":"]},{["}, {"command":"\\"]"}]', [']},{[', '"]']],
    ['[{"a":]}, {"command":"b"}]', ['column 8: expected a comma or "]", not "}"']],
    ['[{"a":,}, {"command":"b"}]', ['column 7: not valid JSON: expected a value', 'b']],
    ['[{"command":"ü"}, {"command":"b","x":1}]', ['ü', 'column 34, field "x"']],
  ])('%j', async (stdin, expected) => {
    const found = await messages(stdin)
    expect(found).toEqual(expected.map((part) => expect.stringContaining(part)))
  })

  it('does not depend on chunks', async () => {
    const contents = [
      '\ufeff [{"command":"a\\"é","args":["]","[{"]},\n{"command":"b\\\\","meta":[[{}],1e3,null]} , 7,, "x"\n]\n',
      '\n {"command":"é"}\r\n\n{"command":}\n{"id":"é","command":"c"}\n{"id":"é","command":"d"}',
      '[{"command":"a"}, {"command":"b"',
      '[{"command":"a"}] ]',
    ]
    for (const content of contents) {
      const whole = await read({ tasks: '-', stdin: content, maxLineBytes: 45 })
      expect(whole.length).toBeGreaterThan(1)
      for (const size of [1, 2, 3, 5, 7, 11]) {
        expect(await read({ tasks: '-', maxLineBytes: 45, stdin: chunksOf(content, size) })).toEqual(whole)
      }
    }
  })

  it('gives whatever JSON writes', async () => {
    const text = fc.string({ unit: 'grapheme' })
    const task = fc.record({ command: fc.constant('a'), meta: fc.jsonValue(), stdin: text })
    const property = fc.asyncProperty(
      fc.array(task),
      fc.constantFrom(0, 1, 3),
      fc.integer({ min: 1, max: 40 }),
      async (tasks, indent, size) => {
        const array = JSON.stringify(tasks, null, indent)
        const lines = tasks.map((one) => `${JSON.stringify(one)}\n`).join('')
        const expected = JSON.parse(array)
        expect(await read({ tasks: '-', stdin: chunksOf(array, size) })).toEqual(expected)
        expect(await read({ tasks: '-', stdin: chunksOf(lines, size) })).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })

  it('holds no more than the limit of an element', () => {
    const scanner = new ArrayScanner(1024, 1, 1)
    expect([...scanner.push(Buffer.from('["'))]).toEqual([])
    const chunk = Buffer.alloc(64 * 1024, 'x')
    for (let sent = 0; sent < 20e6; sent += chunk.length) {
      expect([...scanner.push(chunk)]).toEqual([])
      expect(scanner.heldBytes).toBeLessThanOrEqual(1024)
    }
    expect([...scanner.push(Buffer.from('",1]'))]).toEqual([
      { line: 1, column: 2, bytes: null, problem: 'too long' },
      { line: 1, column: expect.any(Number), bytes: Buffer.from('1') },
    ])
  })
})

describe('a stream of tasks', () => {
  it('gives a task before the next one is there', async () => {
    let asked = 0
    async function* slow() {
      for (const name of ['a', 'b']) {
        asked += 1
        yield Buffer.from(`{"command":"${name}"}\n`)
      }
    }
    const input = await openInput({ command: [], tasks: '-', stdin: slow() })
    expect(asked).toBe(0)
    const iterator = input[Symbol.asyncIterator]()
    expect(await iterator.next()).toMatchObject({ value: { command: 'a' } })
    expect(asked).toBe(1)
    expect(input).toMatchObject({ total: null, hasPriorities: false, usesSlot: false })
  })

  it('can be left while it waits', async () => {
    async function* never() {
      yield Buffer.from('{"command":"a"}\n')
      await new Promise(() => {})
    }
    expect(await readFirst(never())).toBe('a')
  })

  it('can be given up while the next task is awaited', async () => {
    async function* never() {
      yield Buffer.from('{"command":"a"}\n')
      await new Promise(() => {})
    }
    const iterator = (await open({ tasks: '-', stdin: never() }))[Symbol.asyncIterator]()
    await iterator.next()
    iterator.next()
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
  })

  it('ends without an error when its stream is closed while the next task is awaited', async () => {
    const stdin = new PassThrough()
    const input = await openInput({ command: [], tasks: '-', stdin })
    stdin.write('{"command":"a"}\n')
    const iterator = input[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: { command: 'a' } })
    const waiting = iterator.next()
    await input.close()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(stdin.destroyed).toBe(true)
  })

  it('cannot be read twice', async () => {
    const input = await open({ stdin: 'a' })
    input[Symbol.asyncIterator]()
    expect(() => input[Symbol.asyncIterator]()).toThrow('closed')
    expect(await readShown({ stdin: 'a' })).toEqual(['a'])
  })
})

async function readFirst(stdin: AsyncIterable<Buffer>): Promise<unknown> {
  for await (const task of await open({ tasks: '-', stdin })) return 'invalid' in task ? task.invalid : task.command
}
