import { spawnSync } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { file, open, read, readShown, shown } from './support/read.js'

const directory = mkdtempSync(join(tmpdir(), 'drover-input-'))
afterAll(() => rmSync(directory, { recursive: true }))

const csv = (content: string | Buffer, name = 'rows.csv') => ({ tasks: file(directory, name, content) })

describe('rows that fill a command', () => {
  it.each([
    [['echo {name} {2}'], ["echo 'a b' '1'", "echo 'c' '2'"]],
    [
      ['cp', '{name/}', '{-1}'],
      [
        ['cp', 'a b', '1'],
        ['cp', 'c', '2'],
      ],
    ],
    [
      ['echo', 'x'],
      [
        ['echo', 'x', 'a b', '1'],
        ['echo', 'x', 'c', '2'],
      ],
    ],
    [['echo {nothing} {name}'], ["echo {nothing} 'a b'", "echo {nothing} 'c'"]],
  ])('%j', async (command, expected) => {
    expect(await readShown({ ...csv('\ufeffname,size\r\na b,1\r\n\r\nc,2'), command })).toEqual(expected)
  })

  it('take quotes, delimiters and newlines within quotes, and tabs in .tsv', async () => {
    const command = ['p', '{a}', '{b}']
    expect(await readShown({ ...csv('a,b\n"x ""y"", z","1\n2"\n'), command })).toEqual([['p', 'x "y", z', '1\n2']])
    expect(await readShown({ ...csv('a\tb\nx "y"\t1,2\n', 'r.TSV'), command })).toEqual([['p', 'x "y"', '1,2']])
  })

  it('keep bytes that are not UTF-8', async () => {
    const rows = csv(Buffer.from('a,b\n\xff,\xe9\n', 'latin1'))
    expect(await readShown({ ...rows, command: ['p', '{a}'] })).toEqual([['p', Buffer.from([0xff])]])
  })

  it('know their number and whether slots are used', async () => {
    const input = await open({ ...csv('a\n1\n2\n'), command: ['echo {a} {%}'] })
    expect(input).toMatchObject({ total: 2, usesSlot: true })
  })

  it.each([
    ['a,b\n1,2\n\n3\n', 'line 4: expected as many cells as the first row has, 2, not 1'],
    ['a,b\n1,2,3\n', 'line 2: expected as many cells'],
    ['a,b\n"1\n2",3\n4,"5"6\n', 'line 4: expected the end of the cell'],
    ['a,b\n1,x"y\n', 'line 2: a cell with a double quote in it'],
    ['a,b\n1,"x\n', 'a cell is not closed'],
    ['a,a\n1,2\n', 'line 1, field "a": two columns have this name'],
    ['a,b\n1,\0\n', 'line 2: there is a NUL byte in it'],
  ])('are checked before anything is given: %j', async (content, message) => {
    await expect(open({ ...csv(content), command: ['echo {1} {2}'] })).rejects.toMatchObject({
      code: 'ERR_DROVER_INPUT',
      message: expect.stringContaining(message),
    })
  })

  it('must have the columns that the command names by position', async () => {
    await expect(open({ ...csv('a,b\n1,2\n'), command: ['echo {3}'] })).rejects.toMatchObject({
      code: 'ERR_DROVER_TEMPLATE',
    })
  })

  it('may be no longer than the limit', async () => {
    const rows = { ...csv(`a,b\n1,${'x'.repeat(200)}\n`), command: ['echo {a}'], maxLineBytes: 100 }
    await expect(open(rows)).rejects.toThrow('line 2: the row is longer than 100 bytes')
  })
})

describe('rows that are tasks', () => {
  it('have fields for columns; an empty cell is not given', async () => {
    const rows = csv('id,cmd,cwd,timeoutMs,retries,priority,stdin\na,echo 1,/,1.5,2,-3,text\n,echo 2,,,,,\n')
    expect(await read(rows)).toEqual([
      { id: 'a', command: 'echo 1', cwd: '/', timeoutMs: 1.5, retries: 2, priority: -3, stdin: 'text' },
      { command: 'echo 2' },
    ])
    expect(await open(rows)).toMatchObject({ total: 2, hasPriorities: true })
  })

  it('may be none', async () => {
    expect(await read(csv(''))).toEqual([])
    expect(await read(csv('command\n'))).toEqual([])
  })

  it.each([
    ['command,colour\na,b\n', 'line 1, field "colour": unknown column'],
    ['id\na\n', 'line 1: expected a column "command"'],
    ['command,cmd\na,b\n', 'line 1, field "cmd": two columns stand for command'],
    ['cmd,retries\na,1\nb,many\n', 'line 3, field "retries": expected a whole number'],
    ['cmd,id\na,1\n,2\n', 'line 3, field "cmd": expected a command'],
    ['command,id\na,1\nb,2\nc,1\n', 'line 4, field "id": the id "1" was given before, in line 2'],
  ])('are checked: %j', async (content, message) => {
    await expect(open(csv(content))).rejects.toThrow(message)
  })
})

describe('rows from a pipe', () => {
  const fifo = (content: string): string => {
    const path = join(directory, `fifo-${Math.random()}.csv`)
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    createWriteStream(path).end(content)
    return path
  }

  it('are read as they come; a bad one becomes an invalid task', async () => {
    const input = await open({ tasks: fifo('a,b\n1,2\n3\n4,5\n6,"7"8\n9,10\n'), command: ['echo', '{a}', '{%}'] })
    expect(input).toMatchObject({ total: null, usesSlot: true })
    const tasks: unknown[] = []
    for await (const task of input) tasks.push(shown(task))
    expect(tasks).toEqual([
      ['echo', '1', '{%}'],
      expect.stringContaining('line 3: expected as many cells'),
      ['echo', '4', '{%}'],
      expect.stringContaining('line 5: expected the end of the cell after its closing quote'),
    ])
  })

  it('show in the first row whether the command can be filled', async () => {
    await expect(open({ tasks: fifo('a,b\n1,2\n'), command: ['echo', '{3}'] })).rejects.toThrow('only 2 columns')
  })
})
