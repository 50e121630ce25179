import { join } from 'node:path'
import { commandLine } from '../lib/command-line.mjs'
import { differsByUnder, under } from '../lib/expectations.mjs'
import { checkNumbers, numbersFile } from '../lib/inputs.mjs'
import { measure } from '../lib/programs.mjs'

const CONCURRENCY = 4

/** @param {boolean} quick */
function sizes(quick) {
  return quick ? [200, 1_000] : [10_000, 300_000]
}

/** @param {string} way @param {number} count */
function nameOf(way, count) {
  return `${way}, ${count.toLocaleString('en')} tasks`
}

/** @param {string} folder @param {number} count */
async function throughCommandLine(folder, count) {
  const stdout = join(folder, 'memory-output')
  const stdin = numbersFile(folder, count)
  const figures = await commandLine('memory', ['run', '-j', String(CONCURRENCY), 'echo', '{}'], { stdin, stdout })
  checkNumbers(stdout, count)
  return figures
}

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'memory',
  title: 'what is held at the end of 10,000 and of 300,000 tasks, after garbage collection',
  metrics: [
    { key: 'rssMb', label: 'parent, MB', digits: 1 },
    { key: 'heapMb', label: 'of it JavaScript heap, MB', digits: 2 },
    { key: 'launcherMb', label: 'launcher, all its processes, MB', digits: 2 },
    { key: 'seconds', label: 'took, s', digits: 1 },
  ],
  mostRounds: 1,
  contestants: ({ quick, folder }) =>
    sizes(quick).flatMap((count) => [
      { name: nameOf('dispatch()', count), run: () => measure('memory', { count, concurrency: CONCURRENCY }) },
      { name: nameOf('drover run', count), run: () => throughCommandLine(folder, count) },
    ]),
  expectations({ quick }) {
    const [few, many] = sizes(quick)
    return ['dispatch()', 'drover run'].flatMap((way) => [
      differsByUnder('rssMb', nameOf(way, many), nameOf(way, few), 'parent, MB', 10),
      under('launcherMb', nameOf(way, many), 'launcher, MB', 4, 2),
    ])
  },
}
