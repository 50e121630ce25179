// Two runs of trivial tasks through dispatch(), one with a journal and one without, in turns: { count, folder }.
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { dispatch, Journal } from '../../dist/index.js'

const { count, folder } = JSON.parse(process.argv[2] ?? '')
const MEGABYTE = 1024 * 1024
const TURNS = 20
const turnSize = count / TURNS
const atTenth = TURNS / 10

/** Tasks come in turns; a turn is over when all its results are there. */
class Turns {
  #due = 0
  #came = 0
  #isOver = false
  /** @type {() => void} */
  #wake = () => {}
  /** @type {() => void} */
  #onTurn = () => {}

  async *tasks() {
    for (let n = 0; ; n++) {
      while (n >= this.#due && !this.#isOver) await new Promise((resolve) => (this.#wake = () => resolve(null)))
      if (n >= this.#due) return
      yield { command: 'true', args: [String(n)] }
    }
  }

  /** @returns {Promise<number>} The seconds that a turn took. */
  async next() {
    const begun = performance.now()
    this.#due += turnSize
    const isDone = new Promise((resolve) => (this.#onTurn = () => resolve(null)))
    this.#wake()
    await isDone
    return (performance.now() - begun) / 1_000
  }

  end() {
    this.#isOver = true
    this.#wake()
  }

  /** @param {AsyncIterable<import('../../dist/index.js').Result>} results */
  async read(results) {
    for await (const { state } of results) {
      if (state !== 'succeeded') throw new Error(`a task has ${state}`)
      this.#came += 1
      if (this.#came === this.#due) this.#onTurn()
    }
  }
}

async function restingMb() {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await sleep(50)
  }
  return process.memoryUsage.rss() / MEGABYTE
}

/** @param {string} file @returns {Promise<number>} How many indexes are there other than once. */
async function wrongIndexes(file) {
  const seen = new Uint8Array(count)
  let wrong = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { type, index } = JSON.parse(line)
    if (type !== 'result') continue
    if (seen[index] === 0) seen[index] = 1
    else wrong += 1
  }
  return wrong + seen.reduce((sum, times) => sum + (times === 0 ? 1 : 0), 0)
}

/** @param {readonly number[]} values */
function medianOf(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const path = join(folder, 'load.jsonl')
const journal = await Journal.open(path)
const [kept, plain] = [new Turns(), new Turns()]
const reading = Promise.all([kept.read(dispatch(kept.tasks(), { journal })), plain.read(dispatch(plain.tasks()))])
const failed = reading.then(() => new Promise(() => {}))
const ratios = []
const seconds = { kept: 0, plain: 0 }
let tenthMb = 0
for (let turn = 1; turn <= TURNS; turn++) {
  // Whoever comes second may profit from the first.
  const keptFirst = turn % 2 === 0
  const first = await Promise.race([(keptFirst ? kept : plain).next(), failed])
  const second = await Promise.race([(keptFirst ? plain : kept).next(), failed])
  const [withJournal, without] = keptFirst ? [first, second] : [second, first]
  ratios.push(without / withJournal)
  seconds.kept += withJournal
  seconds.plain += without
  if (turn === atTenth) tenthMb = await restingMb()
}
const endMb = await restingMb()
kept.end()
plain.end()
await reading
await journal.close()
const figures = {
  tenthMb,
  endMb,
  ratio: medianOf(ratios),
  keptRate: count / seconds.kept,
  plainRate: count / seconds.plain,
}
process.stdout.write(`${JSON.stringify({ ...figures, wrong: await wrongIndexes(path) })}\n`)
