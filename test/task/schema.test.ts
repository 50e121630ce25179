import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTask } from '../../src/task/schema.js'

const taskOf = (value: unknown) => {
  const parsed = parseTask(value)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.task
}
const problemsOf = (value: unknown) => {
  const parsed = parseTask(value)
  if ('task' in parsed) throw new Error(`taken as ${JSON.stringify(parsed.task)}`)
  return parsed.problems
}
const firstProblem = (value: unknown) => problemsOf(value)[0]!

describe('parseTask', () => {
  it('takes every field of a task as it is', () => {
    const task = {
      id: 'a',
      command: 'convert',
      args: ['-v', '', 'a b', { base64: '/w==' }],
      cwd: '/tmp',
      env: { A: 'x', EMPTY: '', GONE: null, RAW: { base64: '/w==' } },
      stdin: { base64: 'aGk=' },
      timeoutMs: 1.5,
      retries: 0,
      weight: 3,
      priority: -2.5,
      meta: { any: ['thing', null, { deep: true }] },
    }
    expect(taskOf(task)).toEqual(task)
    expect(taskOf({ command: 'cat', stdinFile: '/etc/hostname' })).toEqual({
      command: 'cat',
      stdinFile: '/etc/hostname',
    })
  })

  it('reads the aliases cmd and identifier', () => {
    expect(taskOf({ identifier: 'x', cmd: 'date' })).toEqual({ id: 'x', command: 'date' })
    expect(taskOf({ id: 'x', cmd: 'date', args: [] })).toEqual({ id: 'x', command: 'date', args: [] })
  })

  it.each([
    ['cmd', { cmd: 'a', command: 'b' }],
    ['identifier', { identifier: 'a', id: 'b', command: 'c' }],
  ])('refuses %s beside the field that it stands for', (alias, value) => {
    const { path, problem } = firstProblem(value)
    expect(path).toEqual([alias])
    expect(problem).toMatch(/not both/)
  })

  it.each<[string, unknown, (string | number)[], RegExp]>([
    ['no command', { id: 'a' }, ['command'], /expected a command/],
    ['an empty command', { command: '' }, ['command'], /not empty/],
    ['a number as command', { command: 5 }, ['command'], /expected a string/],
    ['a list as command', { command: ['echo', 'a'] }, ['command'], /expected a string/],
    ['a NUL in the command', { command: 'a\0b' }, ['command'], /NUL/],
    ['args that are no list', { command: 'a', args: 'b' }, ['args'], /array/],
    ['a number among args', { command: 'a', args: ['b', 2] }, ['args', 1], /expected a string/],
    ['a null among args', { command: 'a', args: [null] }, ['args', 0], /expected a string/],
    ['a NUL in args', { command: 'a', args: ['b', 'c\0'] }, ['args', 1], /NUL/],
    ['an empty id', { id: '', command: 'a' }, ['id'], /not empty/],
    ['a number as id', { id: 7, command: 'a' }, ['id'], /expected a string/],
    ['an empty cwd', { command: 'a', cwd: '' }, ['cwd'], /path/],
    ['a number in env', { command: 'a', env: { A: 1 } }, ['env', 'A'], /expected a string/],
    ['a list as env', { command: 'a', env: ['A=1'] }, ['env'], /object/],
    ['stdin that is no text', { command: 'a', stdin: 5 }, ['stdin'], /expected a string/],
    ['a negative timeout', { command: 'a', timeoutMs: -1 }, ['timeoutMs'], /0 or more/],
    ['a timeout in words', { command: 'a', timeoutMs: '5s' }, ['timeoutMs'], /number/],
    ['a timeout too long for a timer', { command: 'a', timeoutMs: 2 ** 31 }, ['timeoutMs'], /at most/],
    ['half a retry', { command: 'a', retries: 0.5 }, ['retries'], /whole number/],
    ['less than no retry', { command: 'a', retries: -1 }, ['retries'], /at least 0/],
    ['no weight', { command: 'a', weight: 0 }, ['weight'], /at least 1/],
    ['a weight in words', { command: 'a', weight: 'two' }, ['weight'], /whole number/],
    ['a priority in words', { command: 'a', priority: 'high' }, ['priority'], /number/],
    ['text that is not base64', { command: 'a', stdin: { base64: '?' } }, ['stdin'], /./],
  ])('names the field and what was expected: %s', (_what, value, path, problem) => {
    const found = firstProblem(value)
    expect(found.path.slice(0, path.length)).toEqual(path)
    expect(found.problem).toMatch(problem)
  })

  it.each([[null], [undefined], [5], ['echo'], [['echo']], [true]])('refuses %j, which is no object', (value) => {
    expect(firstProblem(value).problem).toMatch(/object/)
  })

  it.each(['comand', 'shell', 'name', 'toString', 'constructor', 'hasOwnProperty'])(
    'refuses the unknown field %s',
    (field) => {
      const { path, problem } = firstProblem({ command: 'a', [field]: 'b' })
      expect(path).toEqual([field])
      expect(problem).toMatch(/unknown/)
      expect(problem).toContain('meta')
    },
  )

  it('refuses stdin and stdinFile together', () => {
    expect(firstProblem({ command: 'a', stdin: '', stdinFile: 'b' }).problem).toMatch(/not both/)
  })

  it.each(['A=B', ''])('refuses the variable name %j', (name) => {
    expect(firstProblem({ command: 'a', env: { [name]: 'x' } }).problem).toMatch(/variable name/)
  })

  it('keeps variables with names that objects have of their own', () => {
    const env = JSON.parse('{"constructor": "a", "toString": "b", "prototype": "c", "__proto__": "d"}')
    expect(Object.entries(taskOf({ command: 'a', env }).env ?? {})).toEqual(Object.entries(env))
  })

  it.each(['', 'aGk=', 'aGkh', '+/+/', 'YQ=='])('takes the base64 %j', (base64) => {
    expect(taskOf({ command: 'a', stdin: { base64 } }).stdin).toEqual({ base64 })
  })

  it.each(['a', 'aGk', 'aG k', 'aG=k', '====', 'aGk=\n', '-_-_'])('refuses %j, which is no base64', (base64) => {
    expect(firstProblem({ command: 'a', stdin: { base64 } }).problem).toMatch(/./)
  })

  it('takes much base64', () => {
    const base64 = Buffer.alloc(30_000_000).toString('base64')
    expect(taskOf({ command: 'a', stdin: { base64 } }).stdin).toEqual({ base64 })
  })

  it('tells all problems at once', () => {
    const fields = problemsOf({ command: '', args: [1], weight: 0, oops: 1 }).map(({ path }) => path[0])
    expect(fields).toEqual(expect.arrayContaining(['command', 'args', 'weight', 'oops']))
  })

  it('never throws, whatever JSON it is given', () => {
    const field = fc.constantFrom('id', 'command', 'cmd', 'args', 'env', 'stdin', 'weight', 'meta', 'x')
    const value = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()))
    fc.assert(
      fc.property(value, (json) => {
        const parsed = parseTask(json)
        if ('problems' in parsed) {
          expect(parsed.problems.length).toBeGreaterThan(0)
          for (const { problem } of parsed.problems) expect(problem).not.toMatch(/^(undefined)?$/)
        } else expect(parsed.task.command).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })
})
