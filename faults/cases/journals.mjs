import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { cannotGoOn, diesOf, ordinary, refuses } from '../lib/ends.mjs'
import { doneIn, readJournal } from '../lib/journal.mjs'

/** @typedef {import('../lib/trial.mjs').Trial} Trial */

/** The first block holds the head by which a file is known as a journal; drover does not write over what is none. */
const HEAD_BYTES = 1_024

/**
 * What a power cut may leave: the last records torn or gone, a tail of NULs, a block that was never written.
 *
 * @param {Trial} trial
 * @returns {boolean} Whether there was anything to take.
 */
function cutPower({ random, journal }) {
  const { length } = existsSync(journal) ? readFileSync(journal) : ''
  if (length <= HEAD_BYTES) return false
  const file = openSync(journal, 'r+')
  const torn = random.chance(0.6) ? length - random.whole(1, Math.min(2_000, length - HEAD_BYTES)) : length
  ftruncateSync(file, torn)
  if (random.chance(0.5)) {
    const bytes = random.pick([64, 512, 4_096])
    const at = random.whole(Math.min(HEAD_BYTES, torn), torn)
    writeSync(file, Buffer.alloc(Math.min(bytes, torn - at), random.pick([0, 0xff, 0x0a])), 0, undefined, at)
  }
  closeSync(file)
  if (random.chance(0.4)) appendFileSync(journal, Buffer.alloc(random.pick([1, 100, 4_096, 100_000])))
  return true
}

/** @type {import('../lib/types.d.ts').Fault} */
const powerCut = {
  name: 'power-cut',
  title: 'a journal as a power cut leaves it',
  trials: { quick: 2, full: 20 },
  async run(trial) {
    trial.plan({ count: 30 })
    for (let strikes = 0; strikes < 4; strikes++) {
      const run = trial.start()
      await trial.moment(run)
      run.strike('SIGKILL')
      await run.end
      await trial.settle(run, run.isStruck ? diesOf('SIGKILL') : ordinary, { mayTear: true })
      const before = doneIn(readJournal(trial.journal))
      trial.tried += cutPower(trial) ? 1 : 0
      const after = doneIn(readJournal(trial.journal))
      for (const name of before) if (!after.has(name)) trial.excuse(name)
    }
    await trial.finish()
  },
}

/**
 * Runs while the journal, of which this keeps a descriptor, is taken away.
 *
 * @param {Trial} trial
 * @param {() => void} takeAway
 */
async function runWithout(trial, takeAway) {
  trial.plan({ count: 30, first: ['long', 'long', 'long', 'long'] })
  const run = trial.start()
  await trial.until(run, 'a task runs', () => run.started.length > 0)
  const kept = openSync(trial.journal, 'r')
  trial.onClose(() => closeSync(kept))
  await trial.moment(run, 300)
  takeAway()
  trial.struck(run)
  const held = `/proc/self/fd/${kept}`
  const expectation = cannotGoOn(/was deleted while the run went on; what it held is lost/, { always: true })
  await trial.settle(run, (facts) => expectation({ ...facts, journal: trial.journal }), { journal: held })
  for (const name of doneIn(readJournal(held))) trial.excuse(name)
  mkdirSync(dirname(trial.journal), { recursive: true })
  await trial.finish()
}

/** @type {import('../lib/types.d.ts').Fault} */
const deleted = {
  name: 'journal-deleted',
  title: 'the journal is deleted',
  trials: { quick: 1, full: 6 },
  run: (trial) => runWithout(trial, () => unlinkSync(trial.journal)),
}

/** @type {import('../lib/types.d.ts').Fault} */
const folderDeleted = {
  name: 'journal-folder-deleted',
  title: "the journal's directory is deleted",
  trials: { quick: 1, full: 6 },
  run: (trial) => runWithout(trial, () => rmSync(dirname(trial.journal), { recursive: true })),
}

/** @type {import('../lib/types.d.ts').Fault} */
const folderMoved = {
  name: 'journal-folder-moved',
  title: "the journal's directory is moved away",
  trials: { quick: 1, full: 6 },
  async run(trial) {
    trial.plan({ count: 30 })
    const [folder, elsewhere] = [dirname(trial.journal), `${dirname(trial.journal)}-moved`]
    const run = trial.start()
    await trial.until(run, 'a task runs', () => run.started.length > 0)
    await trial.moment(run)
    renameSync(folder, elsewhere)
    trial.tried += 1
    await trial.settle(run, ordinary, { journal: trial.journal.replace(folder, elsewhere) })
    const refused = trial.start()
    await trial.settle(refused, refuses(/its directory does not exist; make it first/))
    renameSync(elsewhere, folder)
    await trial.finish()
  },
}

/** @type {import('../lib/types.d.ts').Fault} */
const twoDrovers = {
  name: 'two-drovers',
  title: 'two drovers on one journal',
  trials: { quick: 1, full: 10 },
  async run(trial) {
    trial.plan({ count: 30, first: ['held'] })
    const link = `${trial.journal}-link`
    symlinkSync(trial.journal, link)
    const first = trial.start()
    await trial.until(first, 'a task runs', () => first.started.length > 0)
    const second = trial.start({ journal: trial.random.pick([trial.journal, link]) })
    trial.tried += 1
    await trial.settle(second, refuses(new RegExp(`is being written by process ${first.pid};`)))
    if (second.started.length > 0) trial.report(second, 'doubled', 'it was refused and started tasks')
    writeFileSync(`${trial.log}.go`, '')
    await trial.settle(first, ordinary)
    await trial.finish()
  },
}

export default [powerCut, deleted, folderDeleted, folderMoved, twoDrovers]
