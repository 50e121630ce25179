import { doneIn, isConclusive, recordOf } from './journal.mjs'

/** @typedef {import('./types.d.ts').JournalState} JournalState */
/** @typedef {import('./types.d.ts').JournalRecord} JournalRecord */
/** @typedef {(kind: keyof import('./types.d.ts').Faulty, words: string, count?: number) => void} Report */

/** Clocks of two processes, and what lies between the start of one and the start of its clock. */
const SLACK_MS = 2_000

/**
 * What was printed must be in the journal: same key, run and state. What a drover says twice it has done twice.
 *
 * @param {readonly string[]} lines
 * @param {JournalState} journal
 * @param {Report} report
 */
export function checkAnnounced(lines, journal, report) {
  const written = new Set(journal.records.map(identityOf))
  const seen = new Set()
  for (const line of lines) {
    const record = recordOf(line)
    if (record === null) report('wrongEnds', `printed what is no result: ${line.slice(0, 100)}`)
    else if (!written.has(identityOf(record))) report('lost', `${record.name} was announced and is not in the journal`)
    else if (seen.has(record.key)) report('doubled', `${record.name} was announced twice`)
    if (record !== null) seen.add(record.key)
  }
}

/** @param {JournalRecord} record */
function identityOf({ type, run, key, state }) {
  return `${type} ${run} ${key} ${state}`
}

/**
 * What was done must not have run, and nothing twice.
 *
 * @param {readonly string[]} started
 * @param {JournalState} before
 * @param {Report} report
 */
export function checkStarted(started, before, report) {
  const done = doneIn(before)
  const seen = new Set()
  for (const name of started) {
    if (done.has(name)) report('doubled', `${name} ran although it was ${before.newest.get(name)}`)
    else if (seen.has(name)) report('doubled', `${name} ran twice in one run`)
    seen.add(name)
  }
}

/**
 * The records that an invocation has written: those of its run.
 *
 * @param {JournalState} before
 * @param {JournalState} after
 */
export function writtenIn(before, after) {
  const known = new Set(before.records.map(({ run }) => run))
  return after.records.filter(({ run }) => !known.has(run))
}

/**
 * @param {JournalState} before
 * @param {JournalState} after
 * @param {{ tookMs: number, mayTear: boolean }} facts Whether the end of the file may be torn.
 * @param {Report} report
 */
export function checkWritten(before, after, { tookMs, mayTear }, report) {
  if (after.damaged > before.damaged) report('wrongEnds', `${after.damaged - before.damaged} lines are no records`)
  if (after.tail > 0 && !mayTear) report('wrongEnds', `the journal ends with ${after.tail} bytes of a torn record`)
  for (const { type, name, durationMs, queuedMs } of writtenIn(before, after)) {
    if (type === 'run') continue
    const isTime = (/** @type {number} */ ms) => ms >= 0 && ms <= tookMs + SLACK_MS
    if (!isTime(durationMs) || !isTime(queuedMs))
      report('wrongEnds', `${name} took ${durationMs} ms, queued ${queuedMs} ms, within ${Math.round(tookMs)} ms`)
  }
}

/**
 * What must hold when all is over.
 *
 * @param {readonly import('./types.d.ts').PlannedTask[]} tasks
 * @param {JournalState} journal
 * @param {ReadonlyMap<string, number>} runs How often each task was started.
 * @param {ReadonlyMap<string, number>} excuses How often it ran in vain, because a fault struck or took its result.
 * @param {Report} report
 */
export function checkOutcome(tasks, journal, runs, excuses, report) {
  /** @type {Map<string, number>} */
  const conclusive = new Map()
  for (const { type, name, state } of journal.records) {
    if (type === 'result' && isConclusive(state)) conclusive.set(name, (conclusive.get(name) ?? 0) + 1)
  }
  for (const { name, state, logs } of tasks) {
    const newest = journal.newest.get(name)
    if (newest !== state) report('lost', `${name} is ${newest ?? 'not'} in the journal, expected ${state}`)
    const results = conclusive.get(name) ?? 0
    if (results > 1) report('doubled', `${name} has ${results} conclusive results`, results - 1)
    const [ran, most] = [runs.get(name) ?? 0, 1 + (excuses.get(name) ?? 0)]
    if (ran > most) report('doubled', `${name} ran ${ran} times, at most ${most} were due`)
    if (logs && ran === 0) report('lost', `${name} never ran`)
  }
}
