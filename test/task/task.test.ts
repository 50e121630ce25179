import { describe, expect, it } from 'vitest'
import {
  ClosedError,
  DroverError,
  describePlace,
  InputError,
  OptionError,
  TemplateError,
} from '../../src/task/errors.js'
import { isConclusive, isFailure, RESULT_STATES } from '../../src/task/result.js'
import { describeCommand, displayText, plainText, textBytes } from '../../src/task/task.js'

describe('text', () => {
  it('is a string, bytes, or bytes as base64', () => {
    const bytes = Buffer.from([0x61, 0xff])
    expect(plainText('é')).toBe('é')
    expect(plainText(bytes)).toBe(bytes)
    expect(plainText({ base64: 'Yf8=' })).toEqual(bytes)
    expect(textBytes('é')).toEqual(Buffer.from('é'))
  })

  it('is shown with U+FFFD for what is not UTF-8', () => {
    expect(displayText({ base64: 'Yf8=' })).toBe('a\ufffd')
    expect(displayText(new Uint8Array([0x62, 0x61]).subarray(1))).toBe('a')
  })
})

describe('describeCommand', () => {
  it('shows a shell line as it is and arguments so that one sees where they begin', () => {
    expect(describeCommand({ command: 'echo a | wc' })).toBe('echo a | wc')
    expect(describeCommand({ command: 'echo', args: ['a', 'b c', ''] })).toBe('echo a "b c" ""')
  })

  it('shows the beginning of a long one', () => {
    const shown = describeCommand({ command: 'x'.repeat(1_000) })
    expect(shown).toHaveLength(200)
    expect(shown.endsWith('...')).toBe(true)
  })
})

describe('states', () => {
  it('are conclusive, or not', () => {
    expect(RESULT_STATES.filter(isConclusive).sort()).toEqual(
      ['succeeded', 'failed', 'timed-out', 'killed', 'spawn-failed'].sort(),
    )
  })

  it('are failures, unless they are success or were our doing', () => {
    expect(RESULT_STATES.filter((state) => !isFailure(state)).sort()).toEqual(['cancelled', 'skipped', 'succeeded'])
  })
})

describe('errors', () => {
  it.each([
    [new OptionError('x'), 'ERR_DROVER_OPTION', 'OptionError'],
    [new InputError({ source: 'f' }, 'x'), 'ERR_DROVER_INPUT', 'InputError'],
    [new TemplateError('x'), 'ERR_DROVER_TEMPLATE', 'TemplateError'],
    [new ClosedError('x'), 'ERR_DROVER_CLOSED', 'ClosedError'],
  ])('have a class and a stable code: %s', (error, code, name) => {
    expect(error).toBeInstanceOf(DroverError)
    expect(error).toMatchObject({ code, name })
  })

  it('name the place: file, line, column and field', () => {
    expect(describePlace({ source: 'f.jsonl', line: 3, column: 7, field: 'args[1]' })).toBe(
      'f.jsonl, line 3, column 7, field "args[1]"',
    )
    expect(new InputError({ source: 'stdin', line: 2 }, 'bad').message).toBe('stdin, line 2: bad')
  })
})
