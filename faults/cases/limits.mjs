import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'
import { cannotGoOn, ordinary } from '../lib/ends.mjs'
import { textOf } from '../lib/processes.mjs'

/** @typedef {import('../lib/types.d.ts').Fault} Fault */

const isRoot = process.getuid?.() === 0

/** @param {string} what @returns {string | null} */
function unlessRoot(what) {
  return isRoot ? null : `only root may ${what}`
}

/** @param {readonly string[]} words */
function mount(...words) {
  execFileSync('mount', words, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/**
 * Counts as struck when the limit was seen to hold.
 *
 * @param {import('../lib/trial.mjs').Trial} trial
 * @param {import('../lib/invocation.mjs').Invocation} run
 * @param {RegExp} limit A line of /proc/PID/limits.
 */
async function seeLimit(trial, run, limit) {
  let isSeen = false
  await trial.until(run, `it has the limit ${limit}`, () => {
    isSeen = limit.test(textOf(`/proc/${run.pid}/limits`))
    return isSeen
  })
  if (isSeen) trial.struck(run)
}

/** @type {Fault} */
const fullDisk = {
  name: 'full-journal-disk',
  title: 'ENOSPC for the journal: a full tmpfs',
  trials: { quick: 1, full: 12 },
  obstacle: () => unlessRoot('mount a file system'),
  async run(trial) {
    trial.plan({ count: 40 })
    const folder = dirname(trial.journal)
    mount('-t', 'tmpfs', '-o', `size=${trial.random.whole(3, 12) * 4}k,mode=777`, 'tmpfs', folder)
    trial.onClose(() => execFileSync('umount', ['-l', folder]))
    for (let rounds = 0; rounds < 2; rounds++) {
      const run = trial.start()
      trial.struck(run)
      await trial.settle(run, cannotGoOn(/the disk is full; free some space and go on with --resume \(ENOSPC\)/))
    }
    mount('-o', 'remount,size=64m', folder)
    await trial.finish()
  },
}

/** @type {Fault} */
const largestFile = {
  name: 'largest-file',
  title: 'EFBIG for the journal: ulimit -f',
  trials: { quick: 1, full: 12 },
  async run(trial) {
    // What tasks print goes through pipes, and what they log is short: the limit is only ever met by the journal.
    trial.plan({ count: 40 })
    const bytes = trial.random.whole(4_000, 20_000)
    const run = trial.start({ line: `exec prlimit --fsize=${bytes} "$@"` })
    await seeLimit(trial, run, new RegExp(`^Max file size +${bytes} `, 'm'))
    await trial.settle(run, cannotGoOn(/the largest size.*\(ulimit -f\); raise it and go on with --resume/))
    await trial.finish()
  },
}

/** @type {Fault} */
const fewDescriptors = {
  name: 'few-descriptors',
  title: 'EMFILE: ulimit -n',
  trials: { quick: 1, full: 12 },
  async run(trial) {
    trial.plan({ count: 30 })
    const files = trial.random.whole(26, 64)
    const run = trial.start({ line: `exec prlimit --nofile=${files} "$@"`, args: ['-j', '30'] })
    await seeLimit(trial, run, new RegExp(`^Max open files +${files} `, 'm'))
    await trial.settle(run, ordinary)
    await trial.finish()
  },
}

/** @type {Fault} */
const fewProcesses = {
  name: 'few-processes',
  title: 'EAGAIN: ulimit -u, as another user',
  trials: { quick: 1, full: 8 },
  obstacle: () => unlessRoot('become another user, and no limit on processes holds for it'),
  async run(trial) {
    // Tasks that need no process of their own, because they know nothing of waiting for one.
    trial.plan({ count: 30, kinds: ['plain', 'direct', 'failing', 'suicidal', 'missing'] })
    // Its own number, so that nobody else's processes count; the right to read all files, because they may lie in root's home.
    const user = 1_000_000 + (Number(trial.mark.slice(-9)) % 1_000_000)
    const become = `setpriv --reuid ${user} --clear-groups --inh-caps +dac_override --ambient-caps +dac_override`
    // Node alone has a dozen threads, which count, and aborts without them; with 30 tasks it would be more than forty.
    const processes = trial.random.whole(28, 36)
    const run = trial.start({ line: `exec prlimit --nproc=${processes} ${become} "$@"`, args: ['-j', '30'] })
    await seeLimit(trial, run, new RegExp(`^Max processes +${processes} `, 'm'))
    await trial.settle(run, ordinary)
    await trial.finish()
  },
}

export default [fullDisk, largestFile, fewDescriptors, fewProcesses]
