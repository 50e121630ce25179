import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Journal } from '../../src/journal/journal.js'
import { JournalError, readingErrorOf } from '../../src/journal/journal-error.js'
import type { DamagedLine } from '../../src/journal/journal-file.js'
import { type ReadResultsOptions, readResults } from '../../src/journal/read-results.js'
import { OptionError } from '../../src/task/errors.js'
import { type Attempt, RESULT_STATES, type Result } from '../../src/task/result.js'
import { resultLine } from '../../src/task/result-json.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'

const folder = new JournalFolder()
afterAll(() => folder.remove())

async function read(path: string, options: ReadResultsOptions = {}): Promise<(Result | Attempt)[]> {
  const records: (Result | Attempt)[] = []
  for await (const record of readResults(path, options)) records.push(record)
  return records
}

const key = (n: number) => n.toString(16).padStart(32, '0')
const attemptOf = (index: number, fields: Partial<Result>): Attempt => ({ ...resultOf(index, fields), type: 'attempt' })

describe('which results', () => {
  const first = resultOf(0, { id: 'a', key: key(1), state: 'failed', exitCode: 1 })
  const other = resultOf(1, { key: key(2), durationMs: 7 })
  const again = resultOf(0, { id: 'a', key: key(1), run: 'r2', durationMs: 7 })
  const keyless = resultOf(2, { state: 'invalid' })
  const path = folder.write(runHead() + linesOf([first, other]) + runHead() + linesOf([keyless, again, keyless]))

  it('are the newest final one of each task, in the order of the file; without a key each for itself', async () => {
    expect(await read(path)).toEqual([other, keyless, again, keyless])
  })

  it('are all of every run, where they are asked for', async () => {
    expect(await read(path, { all: true })).toEqual([first, other, keyless, again, keyless])
  })

  it('are those in a state when the newest has decided', async () => {
    expect(await read(path, { states: ['failed'] })).toEqual([])
    expect(await read(path, { states: ['failed', 'invalid'], all: true })).toEqual([first, keyless, keyless])
    expect(await read(path, { states: [] })).toEqual([])
  })

  it('are those of tasks by id', async () => {
    expect(await read(path, { ids: ['a', 'nobody'] })).toEqual([again])
    expect(await read(path, { ids: [] })).toEqual([])
  })

  it('are the slowest, among equals the first in the file', async () => {
    expect(await read(path, { slowest: 1 })).toEqual([other])
    expect(await read(path, { slowest: 3 })).toEqual([other, again, keyless])
    expect(await read(path, { slowest: 100 })).toEqual([other, again, keyless, keyless])
  })

  it('have their attempts, made after the result that was replaced', async () => {
    const old = attemptOf(0, { id: 'a', key: key(1), state: 'timed-out' })
    const recent = attemptOf(0, { id: 'a', key: key(1), state: 'killed', run: 'r2' })
    const open = attemptOf(1, { key: key(2), state: 'failed', run: 'r2' })
    const file = folder.write(runHead() + linesOf([old, first, other, recent, again, open]))
    expect(await read(file, { attempts: true })).toEqual([other, recent, again, open])
    expect(await read(file, { attempts: true, all: true })).toEqual([old, first, other, recent, again, open])
    expect(await read(file, { attempts: true, states: ['killed'] })).toEqual([recent])
    expect(await read(file)).toEqual([other, again])
  })
})

it('gives what a journal was given, field by field', async () => {
  const path = join(folder.path, 'real.jsonl')
  const given: Result[] = []
  const commands = ['echo hi; echo no >&2', 'exit 3', "printf '\\377'", 'kill -9 $$', 'echo hi; echo no >&2']
  const journal = await Journal.open(path)
  for await (const result of dispatch([...commands, { command: 'nope', args: [] }], { journal })) given.push(result)
  await journal.close()
  expect(given).toHaveLength(6)
  expect(await read(path)).toEqual(given.map((result) => JSON.parse(resultLine(result))))
})

const recordArbitrary = fc
  .record({
    attempt: fc.boolean(),
    id: fc.constantFrom(null, 'a', 'b'),
    key: fc.constantFrom(null, key(1), key(2), `${key(1)}-2`),
    state: fc.constantFrom(...RESULT_STATES),
    durationMs: fc.nat(5),
    stdout: fc.string({ unit: 'binary', maxLength: 8 }),
  })
  .map(({ attempt, ...fields }) => (attempt ? attemptOf(0, fields) : resultOf(0, fields)))
const damageArbitrary = fc.constantFrom('\0\0\0', '{"type":"result","run":"r1"}', '{"type":', 'null', '[1]', '{}')

/** What `readResults()` is to give, without any regard to memory. */
function model(records: readonly (Result | Attempt)[], options: ReadResultsOptions): (Result | Attempt)[] {
  // With an id it is the id that counts, and which repeat of its content it is.
  const taskOf = ({ id, key: content }: Result | Attempt) =>
    id === null ? content : `${id} ${content?.split('-')[1] ?? ''}`
  const chosen = records.filter((record, place) => {
    if (options.ids !== undefined && !options.ids.includes(String(record.id))) return false
    if (options.states !== undefined && !options.states.includes(record.state)) return false
    if (record.type === 'attempt' && options.attempts !== true) return false
    if (options.all === true || record.key === null) return true
    const finalAfter = records
      .slice(place + 1)
      .filter((later) => later.type === 'result' && later.key !== null && taskOf(later) === taskOf(record)).length
    return finalAfter < (record.type === 'result' ? 1 : 2)
  })
  if (options.slowest === undefined) return chosen
  return chosen.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, options.slowest)
}

it('does for any file and any options what a reading of it all in memory does', async () => {
  const pieces = fc.array(fc.oneof({ weight: 4, arbitrary: recordArbitrary }, damageArbitrary), { maxLength: 20 })
  const options = fc.record(
    {
      states: fc.subarray([...RESULT_STATES]),
      ids: fc.subarray(['a', 'b', 'c']),
      all: fc.boolean(),
      attempts: fc.boolean(),
      slowest: fc.integer({ min: 1, max: 6 }),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(pieces, options, async (lines, chosen) => {
      const text = lines.map((line) => `${typeof line === 'string' ? line : resultLine(line)}\n`).join('')
      const path = folder.write(runHead() + text)
      const damaged: DamagedLine[] = []
      const found = await read(path, { ...chosen, onDamage: (line) => void damaged.push(line) })
      const records = lines.filter((line) => typeof line !== 'string')
      const expected = model(records, chosen).map((record) => JSON.parse(resultLine(record)))
      expect(found).toEqual(expected)
      const bytes = readFileSync(path)
      expect(damaged.map((line) => bytes.toString('utf8', line.offset, line.offset + line.bytes))).toEqual(
        lines.filter((line) => typeof line === 'string'),
      )
    }),
    { numRuns: 300 },
  )
})

describe('what a crash leaves', () => {
  const whole = [resultOf(0, { key: key(1) }), resultOf(1, { key: key(2), stdout: 'é'.repeat(40_000) })]
  const text = Buffer.from(runHead() + linesOf(whole))

  it('gives the results that are whole, wherever the file was cut off', async () => {
    const path = folder.write(text)
    const ends = [1, runHead().length, Buffer.byteLength(runHead() + linesOf(whole.slice(0, 1)))]
    for (let size = text.length; size > 0; size -= size > text.length - 300 ? 1 : 997) {
      truncateSync(path, size)
      const records = await read(path, { onDamage: () => expect.unreachable('a torn line is no damaged one') })
      // A record that lacks only its newline is whole.
      const count = [ends[2]! - 1, text.length - 1].filter((end) => end <= size).length
      expect(records).toEqual(whole.slice(0, count))
    }
  })

  it.each([
    ['a tail of NULs', 1_000],
    ['a tail of NULs that is long', 5_000_000],
  ])('ignores %s', async (_, zeros) => {
    expect(await read(folder.write(Buffer.concat([text, Buffer.alloc(zeros)])))).toEqual(whole)
  })

  it('gives nothing of a file with nothing in it, or with NULs only', async () => {
    expect(await read(folder.write(''))).toEqual([])
    expect(await read(folder.write(runHead()))).toEqual([])
    expect(await read(folder.write(Buffer.alloc(4_096)))).toEqual([])
  })

  it('passes over a first line that is damaged', async () => {
    const damaged: DamagedLine[] = []
    const path = folder.write(`${'\0'.repeat(50)}\n${linesOf(whole)}`)
    expect(await read(path, { onDamage: (line) => void damaged.push(line) })).toEqual(whole)
    expect(damaged).toEqual([{ offset: 0, bytes: 50 }])
  })
})

it('ends where the file ended when the reading began', async () => {
  const one = resultOf(0, { key: key(1) })
  const path = folder.write(linesOf([one, { ...one, index: 1, key: key(2) }]))
  const reader = readResults(path)
  expect((await reader.next()).value).toEqual(one)
  appendFileSync(
    path,
    linesOf([
      { ...one, index: 2, key: key(3) },
      { ...one, state: 'failed' },
    ]),
  )
  const rest: Result[] = []
  for await (const result of reader) rest.push(result)
  expect(rest.map(({ index }) => index)).toEqual([1])
})

describe('what is refused', () => {
  const failure = async (path: string, options?: ReadResultsOptions): Promise<JournalError> => {
    const error = await read(path, options).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(JournalError)
    expect(error).toMatchObject({ code: 'ERR_DROVER_JOURNAL', path })
    return error as JournalError
  }

  it('a file that is missing, a directory, a pipe', async () => {
    expect((await failure(join(folder.path, 'missing'))).message).toMatch(/there is no such file; check the path/)
    expect((await failure(folder.path)).message).toMatch(/is a directory; name a file/)
    const pipe = join(folder.path, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect((await failure(pipe)).message).toMatch(/is no ordinary file; .*write it to a file first/)
  })

  it('a file that this user may not read, with what to do', () => {
    const refused = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open' })
    const { message, cause } = readingErrorOf('night.jsonl', refused) as JournalError
    expect(message).toMatch(/night.jsonl cannot be read: permission denied; .*right to read it \(EACCES\)/)
    expect(cause).toBe(refused)
  })

  it.each([
    ['text', 'hello\n\nworld\n'],
    ['other JSON lines', '{"type":"result","value":1}\n{}\n'],
    ['an array', '[\n{"a":1},\n{"type":"result"}\n]\n'],
    ['bytes', Buffer.alloc(200_000, 0xe9)],
    ['NULs beyond measure', Buffer.alloc(200_000)],
  ])('a file of %s', async (_, content) => {
    expect((await failure(folder.write(content))).message).toMatch(/holds no records|is a JSON array/)
  })

  it('a JSON array of results says what to use', async () => {
    const path = folder.write(`[\n${resultLine(resultOf(0))},\n${resultLine(resultOf(1))}\n]\n`)
    expect((await failure(path)).message).toMatch(/is a JSON array; .*drover run --json/)
  })

  it('a later format, in the first run or a later one', async () => {
    const later = /has format version 2, and this drover knows 1; use a later one/
    expect((await failure(folder.write(runHead(2)))).message).toMatch(later)
    const path = folder.write(runHead() + linesOf([resultOf(0)]) + runHead(2) + linesOf([resultOf(1)]))
    expect((await failure(path)).message).toMatch(later)
    expect((await failure(path, { all: true })).message).toMatch(later)
  })

  it.each([
    [{ states: ['faild'] }, /states: expected one of succeeded, failed,.* not "faild"/],
    [{ states: 'failed' }, /states: expected an array/],
    [{ ids: [1] }, /ids: expected strings/],
    [{ all: 'yes' }, /all: expected true or false/],
    [{ slowest: 0 }, /slowest: expected a whole number of at least 1/],
    [{ onDamage: 1 }, /onDamage: expected a function/],
    [{ state: ['failed'] }, /there is no option "state"/],
  ])('options such as %j, at once', (options, message) => {
    const call = () => readResults('journal', options as unknown as ReadResultsOptions)
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
  })

  it('a path that is none, at once', () => {
    expect(() => readResults('')).toThrow(/expected the path of a file/)
  })
})
