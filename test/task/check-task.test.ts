import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkedTask } from '../../src/task/check-task.js'
import { InputError } from '../../src/task/errors.js'
import { type Task, type Text, textBytes } from '../../src/task/task.js'

const errorOf = (task: unknown): InputError => {
  try {
    checkedTask(task as Task)
  } catch (error) {
    if (error instanceof InputError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('checkedTask', () => {
  it('gives a plain task back untouched', () => {
    const task = { command: 'echo', args: ['a'], id: '1', name: 'n', cwd: '/', meta: { a: 1 } }
    expect(checkedTask(task)).toEqual(task)
  })

  it('takes bytes wherever text may be', () => {
    const bytes = Buffer.from([0x61, 0xff])
    const task = checkedTask({ command: bytes, args: [bytes], env: { A: bytes, B: null }, stdin: bytes })
    for (const text of [task.command, task.args![0]!, task.env!.A!, task.stdin as Text]) {
      expect(Buffer.from(textBytes(text))).toEqual(bytes)
    }
    expect(task.env!.B).toBeNull()
  })

  it('hands meta through as it is, bytes and functions included', () => {
    const meta = { bytes: Buffer.from('a'), call: () => 1 }
    expect(checkedTask({ command: 'a', weight: 2, meta }).meta).toBe(meta)
  })

  it('keeps the name, which JSON does not have', () => {
    expect(checkedTask({ command: 'a', name: 'n', weight: 2 })).toEqual({ command: 'a', name: 'n', weight: 2 })
  })

  it('takes fields that are undefined as fields that are not there', () => {
    const task = { command: 'a', args: undefined, env: undefined, timeoutMs: undefined } as unknown as Task
    expect(checkedTask(task).command).toBe('a')
  })

  it.each<[unknown, string, RegExp]>([
    [{ command: '' }, 'command', /^task, field "command": expected a command that is not empty/],
    [{ command: 'a', args: ['b', 5] }, 'args[1]', /^task, field "args\[1\]": expected a string/],
    [{ command: 'a', env: { X: 5 } }, 'env.X', /^task, field "env\.X": expected a string/],
    [{ command: 'a', weight: 0 }, 'weight', /^task, field "weight": expected a whole number of at least 1/],
    [{ command: 'a', name: 'crush', retries: -1 }, 'retries', /^task crush, field "retries": expected a whole number/],
    [{ command: 'a\0' }, 'command', /NUL/],
    [{ command: 'a', comand: 'b' }, 'comand', /unknown field/],
  ])('names task, field and what was expected: %j', (task, field, message) => {
    const error = errorOf(task)
    expect(error.place.field).toBe(field)
    expect(error.message).toMatch(message)
    expect(error.code).toBe('ERR_DROVER_INPUT')
  })

  it.each([[null], [undefined], [5], ['echo'], [['a']], [() => 1]])('refuses %j', (value) => {
    expect(errorOf(value).message).toMatch(/^task/)
  })

  it('finds the same in a plain task as in one that also has a field for the schema', () => {
    const text = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('', '\0', 'a'), fc.integer(), fc.constant(null))
    const task = fc.record(
      { command: text, id: text, cwd: text, args: fc.oneof(fc.array(text, { maxLength: 3 }), text) },
      { requiredKeys: [] },
    )
    const outcome = (value: unknown) => {
      try {
        return checkedTask(value as Task)
      } catch (error) {
        return (error as Error).message
      }
    }
    fc.assert(
      fc.property(task, (value) => {
        const plain = outcome(value)
        const checked = outcome({ ...value, priority: 0 })
        expect(typeof plain === 'string' ? plain : { ...plain, priority: 0 }).toEqual(checked)
      }),
      { numRuns: 500 },
    )
  })
})
