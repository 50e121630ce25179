import { atLeastTimes } from '../lib/expectations.mjs'
import { DROVER, numbersFile } from '../lib/inputs.mjs'
import { runProgram } from '../lib/programs.mjs'

const SHOWN = 'drover run, progress shown'
const HIDDEN = 'drover run --no-progress'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'progress',
  title: '20,000 × true, 4 at once, on a terminal: what it costs to show how far it is',
  metrics: [{ key: 'rate', label: 'tasks a second', digits: 0 }],
  subject: SHOWN,
  contestants({ quick, folder }) {
    const count = quick ? 2_000 : 20_000
    const numbers = numbersFile(folder, count)
    const onTerminal = (/** @type {string[]} */ options, /** @type {RegExp} */ printed) => async () => {
      const words = [process.execPath, DROVER, 'run', '-j', '4', ...options, '-a', numbers, 'true']
      const line = words.map((word) => `'${word}'`).join(' ')
      // Without these, as in a terminal of somebody's own.
      const env = { CI: '', GITHUB_ACTIONS: '', TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' }
      const { seconds, stdout } = await runProgram('script', ['-qefc', line, '/dev/null'], { env })
      if (!printed.test(stdout)) throw new Error(`printed ${JSON.stringify(stdout.slice(-200))}`)
      return { rate: count / seconds }
    }
    return [
      { name: SHOWN, needs: ['script'], run: onTerminal([], /[━╸─]{20}.*drover: [\d,]+ done in/s) },
      { name: HIDDEN, needs: ['script'], run: onTerminal(['--no-progress'], /^$/) },
    ]
  },
  expectations: () => [atLeastTimes('rate', SHOWN, HIDDEN, 0.99)],
}
