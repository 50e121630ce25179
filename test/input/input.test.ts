import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { OptionError } from '../../src/task/errors.js'
import { all, file, open, read, shown } from './support/read.js'

const directory = mkdtempSync(join(tmpdir(), 'drover-input-'))
afterAll(() => rmSync(directory, { recursive: true }))

const json = (content: string | Buffer, name = 'tasks.jsonl') => ({ tasks: file(directory, name, content) })
const group = { items: ['a'], linked: false }

describe('options that contradict each other', () => {
  it.each([
    [{ tasks: '-', groups: [group], command: ['a'] }, '--tasks and ::: each say'],
    [{ tasks: '-', argFiles: ['x'] }, '--tasks and -a each say'],
    [{ argFiles: ['x'], groups: [group] }, '::: and -a each say'],
    [{ tasks: '-', command: ['a'] }, 'leave out the COMMAND'],
    [{ tasks: 'x.csv', command: ['a {}'], itemsPerTask: 2 }, '-n cut up items'],
    [{ tasks: '-', columnSeparator: ',' }, '--colsep cut up items'],
    [{ tasks: '-', delimiter: 0 }, '-d and -0 cut up items'],
    [{ groups: [group], command: ['a'], delimiter: 0 }, 'leave out one of the two'],
    [{ groups: [{ items: [], linked: true }], command: ['a'] }, 'begin with :::'],
    [{ argFiles: ['-', '-'], command: ['a'] }, 'only once'],
    [{ itemsPerTask: 2 }, 'without a COMMAND'],
    [{ groups: [group, group] }, 'without a COMMAND'],
    [{ argFiles: ['a', 'b'] }, 'without a COMMAND'],
    [{ columnSeparator: ',' }, 'without a COMMAND'],
    [{ groups: [group, group], command: ['a'], itemsPerTask: 2 }, 'leave out -n'],
    [{ command: ['a'], itemsPerTask: 2, columnSeparator: ',' }, 'give only one of them'],
    [{ command: ['a'], itemsPerTask: 0 }, '-n needs a whole number'],
    [{ command: ['a'], itemsPerTask: 1.5 }, '-n needs a whole number'],
    [{ command: ['a'], maxLineBytes: 0 }, '--max-line needs'],
    [{ command: ['a'], replace: '' }, '-I needs'],
    [{ command: ['a'], delimiter: '' }, '-d needs'],
    [{ command: ['a'], delimiter: 256 }, 'a byte from 0 to 255'],
    [{ command: ['a'], columnSeparator: '(' }, 'not a valid regular expression'],
    [{ command: ['a'], columnSeparator: '' }, '--colsep needs'],
  ])('are refused: %j', async (request, message) => {
    const opened = open(request)
    await expect(opened).rejects.toBeInstanceOf(OptionError)
    await expect(opened).rejects.toThrow(message)
  })
})

describe('a file of tasks', () => {
  it('is read', async () => {
    const input = await open(json('{"command":"a"}\n{"command":"b","priority":0}\n'))
    expect(input).toMatchObject({ total: 2, hasPriorities: false, usesSlot: false })
    expect(await all(input)).toEqual([{ command: 'a' }, { command: 'b', priority: 0 }])
    expect(await read(json('[{"command":"a"}]', 'array.json'))).toEqual([{ command: 'a' }])
    expect(await open(json(''))).toMatchObject({ total: 0 })
    expect(await open(json('{"command":"a","priority":2}'))).toMatchObject({ total: 1, hasPriorities: true })
  })

  it('is checked completely before anything is given', async () => {
    const good = '{"id":"1","command":"a"}\n'
    for (const [content, place] of [
      [`${good}{"command":1}`, { line: 2, column: 12, field: 'command' }],
      [`${good}{"id":"1","command":"b"}`, { line: 2, column: 7, field: 'id' }],
      [`${good}\n{"id"`, { line: 3, column: 6 }],
      [`[\n{"command":"b"},\n  {"args":[]}]`, { line: 3, column: 3, field: 'command' }],
      ['[\n{"command":"b"}', { line: 2, column: 16 }],
    ] as const) {
      const request = json(content)
      await expect(open(request)).rejects.toMatchObject({
        code: 'ERR_DROVER_INPUT',
        place: { source: request.tasks, ...place },
      })
    }
  })

  it('is the same file for both readings', async () => {
    const request = json('{"command":"a"}', 'replaced.jsonl')
    const input = await open(request)
    renameSync(json('{"command":"b"}', 'other.jsonl').tasks, request.tasks)
    expect(await all(input)).toEqual([{ command: 'a' }])
  })

  it('becomes invalid tasks where it was changed after the check', async () => {
    const request = json('{"command":"a"}\n{"command":"b"}\n', 'changed.jsonl')
    const input = await open(request)
    json('{"command":"c"}\n{"commanx":"b"}\n{}', 'changed.jsonl')
    expect((await all(input)).map(shown)).toEqual(['c', expect.stringContaining('changed.jsonl, line 2')])
  })

  it('can be large', async () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, number) => `{"id":"é${number}","command":"x${'y'.repeat(number % 60)}"}`,
    )
    const input = await open(json(lines.join('\n'), 'large.jsonl'))
    expect(input.total).toBe(20_000)
    let next = 0
    for await (const task of input) expect(task.id).toBe(`é${next++}`)
    expect(next).toBe(20_000)
    const asArray = await open(json(`[${lines.join(',\n')}]`, 'large.json'))
    expect(asArray.total).toBe(20_000)
    await asArray.close()
    expect(() => asArray[Symbol.asyncIterator]()).toThrow('closed')
  })

  it('can be left early', async () => {
    for await (const task of await open(json('{"command":"a"}\n{"command":"b"}'))) {
      expect(task).toEqual({ command: 'a' })
      break
    }
  })
})
