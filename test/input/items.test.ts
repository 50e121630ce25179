import { describe, expect, it } from 'vitest'
import { combinations, countCombinations } from '../../src/input/combinations.js'
import { type ItemGroup, withSlot } from '../../src/input/input.js'
import type { Task } from '../../src/task/task.js'
import { all, chunksOf, open, read, readShown, shown } from './support/read.js'

const group = (...items: ItemGroup['items']): ItemGroup => ({ items, linked: false })
const linked = (...items: ItemGroup['items']): ItemGroup => ({ items, linked: true })
const p = ['p', '{}']

describe('items from a stream', () => {
  it.each([
    ['', []],
    ['a\nb', ['a', 'b']],
    ['a\nb\n', ['a', 'b']],
    ['a\n\nb\r\n', ['a', '', 'b\r']],
    ['\n', ['']],
  ])('%j', async (stdin, items) => {
    expect(await readShown({ command: p, stdin })).toEqual(items.map((item) => ['p', item]))
  })

  it('keep bytes that are not UTF-8', async () => {
    const stdin = Buffer.from('\xff\n\u00c3\u00a9\n', 'latin1')
    expect(await readShown({ command: p, stdin })).toEqual([
      ['p', Buffer.from([0xff])],
      ['p', 'é'],
    ])
    const [first] = await read({ command: ['echo {}'], stdin })
    expect(first).toMatchObject({ command: Buffer.from("echo '\xff'", 'latin1'), name: '\ufffd' })
  })

  it('may end in NUL or in another delimiter', async () => {
    expect(await readShown({ command: p, delimiter: 0, stdin: 'a\nb\0c\0' })).toEqual([
      ['p', 'a\nb'],
      ['p', 'c'],
    ])
    expect(await readShown({ command: p, delimiter: ';', stdin: 'a;b\n' })).toEqual([
      ['p', 'a'],
      ['p', 'b\n'],
    ])
    for (const size of [1, 2, 5])
      expect(await readShown({ command: p, delimiter: '§§', stdin: chunksOf('a§§b§c', size) })).toEqual([
        ['p', 'a'],
        ['p', 'b§c'],
      ])
  })

  it('are lines for the shell where there is no command; blank ones are none', async () => {
    expect(await read({ stdin: 'echo {}\n\n \t\r\necho $(x)' })).toEqual([
      { command: 'echo {}', name: 'echo {}' },
      { command: 'echo $(x)', name: 'echo $(x)' },
    ])
  })

  it('give tasks a name and a number', async () => {
    expect(await read({ command: ['p', '{#}', '{}'], stdin: 'a b\nc' })).toEqual([
      { command: 'p', args: ['1', 'a b'], name: 'a b' },
      { command: 'p', args: ['2', 'c'], name: 'c' },
    ])
  })

  it('come several to a command, the last one gets fewer', async () => {
    const stdin = '1\n2\n3\n4\n5'
    expect(await readShown({ command: ['p', '-x'], itemsPerTask: 2, stdin })).toEqual([
      ['p', '-x', '1', '2'],
      ['p', '-x', '3', '4'],
      ['p', '-x', '5'],
    ])
    expect(await readShown({ command: ['p {} {2} "{}" {#}'], itemsPerTask: 3, stdin })).toEqual([
      `p '1' '2' '3' '2' ""'1 2 3'"" 1`,
      `p '4' '5' '5' ""'4 5'"" 2`,
    ])
    expect(await readShown({ command: ['p', '{3}'], itemsPerTask: 3, stdin: '1' })).toEqual([['p', '']])
  })

  it('are cut into columns', async () => {
    expect(
      await readShown({ command: ['p', '{2}', '{-1}', '{1}'], columnSeparator: ' *[,;] *', stdin: 'a , b;c\nd,e' }),
    ).toEqual([
      ['p', 'b', 'c', 'a'],
      ['p', 'e', 'e', 'd'],
    ])
    expect(await readShown({ command: p, columnSeparator: ',', stdin: 'a,,b,' })).toEqual([['p', 'a', '', 'b', '']])
    expect(await readShown({ command: p, columnSeparator: 'é', stdin: Buffer.from('a\xffébé', 'latin1') })).toEqual([
      ['p', Buffer.from('a\xffébé', 'latin1')],
    ])
    const bytes = Buffer.concat([Buffer.from([0xff]), Buffer.from('éb')])
    expect(await readShown({ command: p, columnSeparator: 'é', stdin: bytes })).toEqual([
      ['p', Buffer.from([0xff]), 'b'],
    ])
  })

  it('that are bad become invalid tasks, and have a number too', async () => {
    expect(
      await readShown({
        command: ['p', '{#}', '{2}'],
        columnSeparator: ',',
        maxLineBytes: 5,
        stdin: 'a,b\nc\n123,456\nd,e',
      }),
    ).toEqual([
      ['p', '1', 'b'],
      'invalid: stdin, line 2: expected 2 columns or more, as the command says, but there is 1',
      'invalid: stdin, line 3: the line is longer than 5 bytes; shorten it, or raise the limit with --max-line',
      ['p', '4', 'e'],
    ])
    expect(await readShown({ command: p, delimiter: ';', stdin: 'a;b\0c;d' })).toEqual([
      ['p', 'a'],
      expect.stringContaining('invalid: stdin, item 2: there is a NUL byte in it'),
      ['p', 'd'],
    ])
    expect(await readShown({ command: p, itemsPerTask: 2, maxLineBytes: 3, stdin: 'a\n1234\nb' })).toEqual([
      expect.stringContaining('invalid: stdin, line 2'),
      ['p', 'a', 'b'],
    ])
    expect(await readShown({ command: ['{}', 'x'], stdin: '\nq' })).toEqual([
      'invalid: stdin, line 1: the name of the program is empty',
      ['q', 'x'],
    ])
  })

  it('end the iteration where it is strict', async () => {
    await expect(read({ command: p, strict: true, maxLineBytes: 2, stdin: 'a\n123' })).rejects.toMatchObject({
      code: 'ERR_DROVER_INPUT',
      place: { source: 'stdin', line: 2 },
    })
  })

  it('pass on that the stream cannot be read', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('a\n')
      throw Object.assign(new Error('EIO'), { code: 'EIO', errno: -5 })
    }
    await expect(read({ command: p, stdin: broken() })).rejects.toThrow('stdin: cannot be read: i/o error (EIO)')
  })
})

describe('groups of items', () => {
  it('give every combination, the first group varying slowest', async () => {
    const groups = [group('a', 'b'), group('1', '2')]
    expect(await readShown({ command: ['p', '{1}-{2}'], groups })).toEqual([
      ['p', 'a-1'],
      ['p', 'a-2'],
      ['p', 'b-1'],
      ['p', 'b-2'],
    ])
    expect(await readShown({ command: ['p'], shell: true, groups: [group("it's"), group('')] })).toEqual([
      "p 'it'\\''s' ''",
    ])
    expect(await open({ command: p, groups })).toMatchObject({ total: 4, usesSlot: false, hasPriorities: false })
  })

  it('go in step where they are linked; the shorter decides', async () => {
    const groups = [group('a', 'b', 'c'), linked('1', '2'), group('x', 'y')]
    expect(await readShown({ command: p, groups })).toEqual([
      ['p', 'a', '1', 'x'],
      ['p', 'a', '1', 'y'],
      ['p', 'b', '2', 'x'],
      ['p', 'b', '2', 'y'],
    ])
    expect((await open({ command: p, groups })).total).toBe(4)
  })

  it('may be very many, for combinations are made one by one', async () => {
    const many = Array.from({ length: 10_000 }, (_, number) => `${number}`)
    const groups = [group(...many), group(...many), group(...many)]
    const input = await open({ command: p, groups })
    expect(input.total).toBe(1e12)
    const iterator = input[Symbol.asyncIterator]()
    await iterator.next()
    expect(shown((await iterator.next()).value)).toEqual(['p', '0', '0', '1'])
    await iterator.return?.()
    expect(countCombinations(groups)).toBe(1e12)
  })

  it('may be empty', async () => {
    expect(await readShown({ command: p, groups: [group()] })).toEqual([])
    expect(await readShown({ command: p, groups: [group('a'), group()] })).toEqual([])
    expect([...combinations([group(), linked('a')])]).toEqual([])
  })

  it('take several items to a command, and columns', async () => {
    const input = await open({ command: ['p', 'x'], groups: [group('1', '2', '3')], itemsPerTask: 2 })
    expect(input.total).toBe(2)
    expect((await all(input)).map(shown)).toEqual([
      ['p', 'x', '1', '2'],
      ['p', 'x', '3'],
    ])
    expect(
      await readShown({ command: ['p', '{3}'], groups: [group('a,b'), group('c')], columnSeparator: ',' }),
    ).toEqual([['p', 'c']])
  })

  it('are lines for the shell without a command', async () => {
    const input = await open({ groups: [group('echo a', '', 'echo b')] })
    expect(input.total).toBe(2)
    expect((await all(input)).map(shown)).toEqual(['echo a', 'echo b'])
  })

  it('are checked', async () => {
    await expect(open({ command: p, groups: [group('a\0b')] })).rejects.toThrow('arguments: an item has a NUL byte')
    await expect(open({ command: ['p {3}'], groups: [group('a'), group('b')] })).rejects.toThrow('only 2 columns')
    const short = { command: ['p', '{3}'], groups: [group('a,b', 'a'), group('c')], columnSeparator: ',' }
    await expect(open(short)).rejects.toThrow('arguments: expected 3 columns')
  })
})

describe('slots', () => {
  it('are filled in later', async () => {
    const [line] = (await read({ command: ['echo {%} "{}" \'{%}\''], stdin: 'a' })) as Task[]
    expect(line).toEqual({ command: `echo {%} ""'a'"" '{%}'`, name: 'a', ...symbolsOf(line) })
    expect(withSlot(line!, 3)).toEqual({ command: `echo 3 ""'a'"" '3'`, name: 'a' })
    expect(withSlot({ ...line!, id: 'x' }, 12)).toEqual({ id: 'x', command: `echo 12 ""'a'"" '12'`, name: 'a' })
    const [program] = (await read({ command: ['p', '{%}', '{}'], stdin: Buffer.from([0xff]) })) as Task[]
    expect(withSlot(program!, 2).args).toEqual(['2', Buffer.from([0xff])])
    expect(JSON.parse(JSON.stringify(line))).toEqual({ command: line?.command, name: 'a' })
  })

  it('change nothing in a task without them', async () => {
    const [task] = (await read({ command: ['echo {}'], stdin: '{%}' })) as Task[]
    expect(withSlot(task!, 3)).toBe(task)
    expect((await open({ command: ['echo {}'], stdin: '{%}' })).usesSlot).toBe(false)
    expect((await open({ command: ['echo {%} {}'] })).usesSlot).toBe(true)
  })
})

function symbolsOf(task: object | undefined): object {
  return Object.fromEntries(Object.getOwnPropertySymbols(task ?? {}).map((key) => [key, expect.any(Function)]))
}
