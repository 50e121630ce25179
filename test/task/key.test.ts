import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentDigest, KeyCounter } from '../../src/task/key.js'
import type { Task } from '../../src/task/task.js'

const keysOf = (tasks: readonly Task[]) => {
  const counter = new KeyCounter()
  return tasks.map((task) => counter.keyOf(task))
}
const few = fc.constantFrom('a', 'b', 'c')
const task = fc.record(
  { command: few, args: fc.array(few, { maxLength: 2 }), id: few, cwd: few, stdin: few },
  { requiredKeys: ['command'] },
)

describe('KeyCounter', () => {
  it('gives 32 hexadecimal digits, and counts repeats', () => {
    const [first, second, third] = keysOf([{ command: 'a' }, { command: 'a' }, { command: 'a' }])
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect([second, third]).toEqual([`${first}-1`, `${first}-2`])
  })

  it('gives the same keys in every run', () => {
    fc.assert(
      fc.property(fc.array(task), (tasks) => {
        expect(keysOf(tasks)).toEqual(keysOf(tasks))
      }),
    )
  })

  it('gives each task of a run a key of its own', () => {
    fc.assert(
      fc.property(fc.array(task, { maxLength: 60 }), (tasks) => {
        expect(new Set(keysOf(tasks)).size).toBe(tasks.length)
      }),
    )
  })

  it('changes no other key when a different line is inserted', () => {
    fc.assert(
      fc.property(fc.array(task), fc.nat(), (tasks, where) => {
        const at = where % (tasks.length + 1)
        const inserted = [...tasks.slice(0, at), { command: 'another' }, ...tasks.slice(at)]
        expect(keysOf(inserted).toSpliced(at, 1)).toEqual(keysOf(tasks))
      }),
    )
  })

  it('gives the same set of keys in whatever order the lines come', () => {
    fc.assert(
      fc.property(fc.array(task), (tasks) => {
        expect(keysOf(tasks.toReversed()).sort()).toEqual(keysOf(tasks).sort())
      }),
    )
  })
})

describe('contentDigest', () => {
  const same = (one: Task, other: Task) => contentDigest(one).equals(contentDigest(other))

  it('takes bytes and a string of the same bytes for the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const bytes = Buffer.from(text)
        const base64 = bytes.toString('base64')
        expect(same({ command: text, args: [text] }, { command: bytes, args: [{ base64 }] })).toBe(true)
        expect(
          same({ command: 'a', env: { A: text }, stdin: text }, { command: 'a', env: { A: bytes }, stdin: bytes }),
        ).toBe(true)
      }),
    )
  })

  it('tells different bytes that are not UTF-8 apart', () => {
    expect(same({ command: Buffer.from([0xff]) }, { command: Buffer.from([0xfe]) })).toBe(false)
    expect(same({ command: Buffer.from([0xff]) }, { command: '\ufffd' })).toBe(false)
  })

  it('does not depend on the order of the environment', () => {
    expect(same({ command: 'a', env: { A: '1', B: '2' } }, { command: 'a', env: { B: '2', A: '1' } })).toBe(true)
  })

  it.each<[string, Task]>([
    ['args', { command: 'a', args: [] }],
    ['an arg', { command: 'a', args: [''] }],
    ['the id', { command: 'a', id: '1' }],
    ['the folder', { command: 'a', cwd: '/' }],
    ['the environment', { command: 'a', env: {} }],
    ['a removed variable', { command: 'a', env: { A: null } }],
    ['an empty variable', { command: 'a', env: { A: '' } }],
    ['stdin', { command: 'a', stdin: '' }],
    ['a file for stdin', { command: 'a', stdinFile: 'b' }],
    ['the command', { command: 'b' }],
  ])('depends on %s', (_what, other) => {
    expect(same({ command: 'a' }, other)).toBe(false)
  })

  it('does not depend on how a task is run, or on what is only shown', () => {
    const settings = { name: 'n', timeoutMs: 1, retries: 2, weight: 3, priority: 4, meta: 5 }
    expect(same({ command: 'a' }, { command: 'a', ...settings })).toBe(true)
  })

  it('keeps neighbouring arguments apart', () => {
    expect(same({ command: 'a', args: ['b', 'c'] }, { command: 'a', args: ['bc'] })).toBe(false)
    expect(same({ command: 'a', args: ['b","c'] }, { command: 'a', args: ['b', 'c'] })).toBe(false)
  })
})
