import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PrinterOptions } from '../../src/output/printer.js'
import { resultOf, TINY, temporaryFolder, testPrinter } from './support.js'

type Stream = 'stdout' | 'stderr'
type Piece = { stream: Stream; text: string; attempt: number }
type Event = { index: number; piece: Piece | null }

const character = fc.constantFrom('a', 'b', '\n', '\n', '\t', '\u00ff')
const text = fc.oneof(
  fc.string({ unit: character, minLength: 1, maxLength: 12 }),
  fc.string({ unit: character, minLength: 20, maxLength: 70 }),
)
const piece = (attempts: number) =>
  fc.record({
    stream: fc.constantFrom<Stream>('stdout', 'stdout', 'stderr'),
    text,
    attempt: fc.integer({ min: 1, max: attempts }),
  })

/** Tasks with their pieces, and an order in which the pieces and the ends of all of them come. */
function scenario(attempts = 1): fc.Arbitrary<{ tasks: Piece[][]; events: Event[]; awaits: boolean[] }> {
  const task = fc
    .array(piece(attempts), { maxLength: 6 })
    .map((pieces) => pieces.sort((one, other) => one.attempt - other.attempt))
  return fc.array(task, { minLength: 1, maxLength: 7 }).chain((tasks) => {
    const slots = tasks.flatMap((pieces, index) => Array.from({ length: pieces.length + 1 }, () => index))
    const order = fc.shuffledSubarray(slots, { minLength: slots.length, maxLength: slots.length })
    const awaits = fc.array(fc.boolean(), { minLength: slots.length, maxLength: slots.length })
    return fc.tuple(order, awaits).map(([indices, waits]) => {
      const next = tasks.map(() => 0)
      const events = indices.map((index) => {
        const at = next[index]!++
        return { index, piece: tasks[index]![at] ?? null }
      })
      return { tasks, events, awaits: waits }
    })
  })
}

function expected(pieces: Piece[], stream: Stream, attempt?: number): string {
  const wanted = (piece: Piece) => piece.stream === stream && (attempt === undefined || piece.attempt === attempt)
  return pieces
    .filter(wanted)
    .map((piece) => piece.text)
    .join('')
}

const lastAttempt = (pieces: Piece[]) => pieces.at(-1)?.attempt ?? 1

/** Plays the events; some of the promises are awaited at once and the others at the end. */
async function play(options: Partial<PrinterOptions> & { slow?: boolean }, { tasks, events, awaits }: Scenario) {
  const tmpdir = temporaryFolder()
  const { printer, stdout, stderr } = testPrinter({ limits: TINY, tmpdir, ...options })
  for (const [at, { index, piece }] of events.entries()) {
    const label = `task ${index}`
    const outcome =
      piece === null
        ? printer.result(resultOf(index, { attempt: lastAttempt(tasks[index]!) }), label)
        : printer.output({ index, label, ...piece, chunk: Buffer.from(piece.text, 'latin1') })
    if (awaits[at]) await outcome
  }
  await printer.close()
  expect(readdirSync(tmpdir)).toEqual([])
  return { stdout: stdout.text, stderr: stderr.text }
}

type Scenario = { tasks: Piece[][]; events: Event[]; awaits: boolean[] }

const inEndOrder = ({ events }: Scenario) => events.filter(({ piece }) => piece === null).map(({ index }) => index)
const inOrder = ({ tasks }: Scenario) => tasks.map((_, index) => index)
const tagged = (index: number, bytes: string) =>
  bytes.replace(/[^\n]*\n|[^\n]+$/g, (l) => `task ${index}\t${l.replace(/\n?$/, '\n')}`)
const lines = (bytes: string) => bytes.match(/[^\n]*\n|[^\n]+$/g) ?? []

const RUNS = { numRuns: 150 }

/** Where tasks are printed one by one as a whole, the order in which they end is that in which `result` was called. */
describe('grouped', () => {
  for (const slow of [false, true]) {
    test(`each task's bytes are together and exact, ${slow ? 'slow' : 'fast'} writer`, async () => {
      await fc.assert(
        fc.asyncProperty(scenario(), async (played) => {
          const printed = await play({ slow }, played)
          for (const stream of ['stdout', 'stderr'] as const) {
            expect(printed[stream]).toBe(
              inEndOrder(played)
                .map((i) => expected(played.tasks[i]!, stream))
                .join(''),
            )
          }
        }),
        RUNS,
      )
    })

    test(`in the order of the input, ${slow ? 'slow' : 'fast'} writer`, async () => {
      await fc.assert(
        fc.asyncProperty(scenario(), async (played) => {
          const printed = await play({ slow, keepOrder: true }, played)
          for (const stream of ['stdout', 'stderr'] as const) {
            expect(printed[stream]).toBe(
              inOrder(played)
                .map((i) => expected(played.tasks[i]!, stream))
                .join(''),
            )
          }
        }),
        RUNS,
      )
    })
  }

  test('only the last attempt is printed', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(3), fc.boolean(), async (played, keepOrder) => {
        const printed = await play({ keepOrder }, played)
        const order = keepOrder ? inOrder(played) : inEndOrder(played)
        const last = (i: number) => expected(played.tasks[i]!, 'stdout', lastAttempt(played.tasks[i]!))
        expect(printed.stdout).toBe(order.map(last).join(''))
      }),
      RUNS,
    )
  })

  test('every line is tagged', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(2), fc.boolean(), async (played, keepOrder) => {
        const printed = await play({ keepOrder, tag: true }, played)
        const order = keepOrder ? inOrder(played) : inEndOrder(played)
        const last = (i: number) => expected(played.tasks[i]!, 'stdout', lastAttempt(played.tasks[i]!))
        expect(printed.stdout).toBe(order.map((i) => tagged(i, last(i))).join(''))
      }),
      RUNS,
    )
  })
})

describe('by line', () => {
  /** Makes bytes tell whose they are, so that a line of two tasks would show. */
  const marked = scenario().map((played) => {
    const mark = (piece: Piece, index: number) => ({ ...piece, text: piece.text.replace(/[ab]/g, String(index)) })
    const tasks = played.tasks.map((pieces, index) => pieces.map((piece) => mark(piece, index)))
    const events = played.events.map(({ index, piece }) => ({ index, piece: piece && mark(piece, index) }))
    return { tasks, events, awaits: played.awaits }
  })
  const ended = (line: string) => line.replace(/\n?$/, '\n')

  for (const slow of [false, true]) {
    test(`lines are never mixed and none is lost, ${slow ? 'slow' : 'fast'} writer`, async () => {
      await fc.assert(
        fc.asyncProperty(marked, async (played) => {
          const printed = await play({ slow, mode: 'line' }, played)
          for (const stream of ['stdout', 'stderr'] as const) {
            const wanted = played.tasks.flatMap((pieces) => lines(expected(pieces, stream)).map(ended))
            expect(lines(printed[stream]).map(ended).sort()).toEqual(wanted.sort())
          }
        }),
        RUNS,
      )
    })

    test(`in the order of the input, ${slow ? 'slow' : 'fast'} writer`, async () => {
      await fc.assert(
        fc.asyncProperty(marked, async (played) => {
          const printed = await play({ slow, mode: 'line', keepOrder: true }, played)
          for (const stream of ['stdout', 'stderr'] as const) {
            const wanted = played.tasks.flatMap((pieces) => lines(expected(pieces, stream)).map(ended))
            expect(lines(printed[stream]).map(ended)).toEqual(wanted)
          }
        }),
        RUNS,
      )
    })
  }

  test('every line is tagged, and all attempts are shown', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(3), fc.boolean(), async (played, keepOrder) => {
        const printed = await play({ mode: 'line', keepOrder, tag: true }, played)
        const attempts = (pieces: Piece[]) => [1, 2, 3].map((attempt) => expected(pieces, 'stdout', attempt))
        const wanted = played.tasks.flatMap((pieces, i) => attempts(pieces).flatMap((bytes) => lines(tagged(i, bytes))))
        const got = lines(printed.stdout)
        expect(keepOrder ? got : got.sort()).toEqual(keepOrder ? wanted : wanted.sort())
      }),
      RUNS,
    )
  })
})

test('JSON in the order of the input', async () => {
  await fc.assert(
    fc.asyncProperty(scenario(), fc.boolean(), fc.boolean(), async (played, keepOrder, slow) => {
      const printed = await play({ json: 'lines', keepOrder, slow }, played)
      const indices = lines(printed.stdout).map((line) => JSON.parse(line).index)
      expect(indices).toEqual(keepOrder ? inOrder(played) : inEndOrder(played))
      const array = await play({ json: 'array', keepOrder, slow }, played)
      expect(JSON.parse(array.stdout).map((result: { index: number }) => result.index)).toEqual(indices)
    }),
    { numRuns: 60 },
  )
})
