import { submit } from '../fleet/submit.js'
import { openInput } from '../input/input.js'
import { printable } from '../output/printable.js'
import { OptionError } from '../task/errors.js'
import type { InvalidTask } from '../task/task.js'
import type { Ending } from './exit.js'
import { Messages } from './messages.js'
import { printErr, printOut } from './print.js'
import { checkSlot, type QueueRequest } from './queue-options.js'
import type { RunRequest } from './run.js'
import type { QueuedWords } from './run-words.js'

/** More tasks than this that are none are all the same to the exit status. */
const MOST_INVALID = 101
/** Tasks that are none and are told of one by one. */
const MOST_TOLD = 10

/** Options that are about results, which only --wait brings. */
const OF_RESULTS = {
  journal: '--journal',
  report: '--report',
  keepOrder: '--keep-order',
  tag: '--tag',
  lineBuffer: '--line-buffer',
  jsonArray: '--json-array',
  halt: '--halt',
  totalTimeout: '--total-timeout',
  jobs: '--jobs',
} as const

/**
 * Puts tasks into the queue and prints the run's name, or with `--json` what was submitted.
 *
 * @throws InputError, TemplateError, OptionError before anything was submitted, but for a bad line of a stream with `--strict`.
 */
export async function submitTasks(request: RunRequest, queue: QueueRequest, words: QueuedWords): Promise<Ending> {
  const [, needless] = Object.entries(OF_RESULTS).find(([word]) => words[word as keyof QueuedWords] !== undefined) ?? []
  if (needless !== undefined)
    throw new OptionError(`${needless} is about results; give --wait as well, or leave it out`)
  const write = (line: string) => printErr(`${line}\n`)
  const messages = new Messages({ ...request, what: 'task', tellsFailed: false, write })
  if ('blocks' in request.input)
    throw new OptionError('--pipe and --pipe-part feed tasks on this machine; give tasks or items to submit')
  const input = await openInput(request.input)
  checkSlot(input)
  let told = 0
  const onInvalid = ({ invalid }: InvalidTask, { index }: { index: number }) => {
    if (++told <= MOST_TOLD) messages.say(`task ${index + 1} was not submitted: ${invalid.message}`)
  }
  const { run, submitted, invalid } = await submit(input, { ...(await queue.submitOptions()), onInvalid })
  await queue.close()
  if (told > MOST_TOLD) messages.say(`${told - MOST_TOLD} more tasks were not submitted`)
  printOut(words.json === true ? `${JSON.stringify({ run, submitted, invalid })}\n` : `${printable(run)}\n`)
  messages.say(`${submitted.toLocaleString('en')} ${submitted === 1 ? 'task is' : 'tasks are'} in the queue`)
  return { status: Math.min(invalid, MOST_INVALID) }
}
