import { describeAddress } from '../fleet/address.js'
import { type FleetWorker, work } from '../fleet/fleet-worker.js'
import type { WorkOptions } from '../fleet/work-options.js'
import type { Ending } from './exit.js'
import { followJobsFile } from './jobs-file.js'
import { Messages } from './messages.js'
import { queueAddress } from './queue-options.js'
import { countOf, durationOf, sizeOf, taskSettings } from './run-options.js'
import { given, parseColor } from './values.js'
import type { WorkWords } from './work-command.js'

/** Works until a signal ends it. @throws OptionError for a mistake in the call; what drover itself could not go on for. */
export async function runWorker(words: WorkWords): Promise<Ending> {
  const messages = new Messages({
    quiet: words.quiet === true,
    verbose: words.verbose === true,
    color: parseColor(words.color ?? 'auto', process.stderr.isTTY === true),
    what: 'task',
    tellsFailed: false,
    write: (line) => void process.stderr.write(`${line}\n`),
  })
  const address = queueAddress(words)
  const worker = await work(workOptions(words, address, messages))
  const ended = endedBySignals(worker, messages)
  const { name, concurrency } = worker
  const ready = worker.ready().then(
    () => messages.say(`${name} works for ${describeAddress(address)}, queue ${address.queue}, ${concurrency} at once`),
    () => {},
  )
  const setJobs = (jobs: number) => {
    worker.concurrency = jobs
  }
  const stopFollowing =
    words.jobsFile === undefined ? null : followJobsFile(words.jobsFile, setJobs, (message) => messages.say(message))
  await Promise.race([ended, ready])
  await ended
  stopFollowing?.()
  const { byState, handedBack } = worker.counts()
  const done = Object.values(byState).reduce((sum, count) => sum + count, 0)
  messages.say(`${done.toLocaleString('en')} tasks done, ${handedBack.toLocaleString('en')} handed back`)
  return { status: 0 }
}

function workOptions(words: WorkWords, queue: WorkOptions['queue'], messages: Messages): WorkOptions {
  return given({
    ...taskSettings(words),
    queue,
    name: words.name,
    allow: words.allow,
    passEnv: words.passEnv,
    maxOutputBytes: sizeOf('--max-output', words.maxOutput),
    outputs: words.outputs === 'none' ? null : words.outputs,
    keepOutputsMs: durationOf('--keep-outputs', words.keepOutputs),
    keepResultsMs: durationOf('--keep-results', words.keepResults),
    lockMs: durationOf('--lock', words.lock),
    maxLost: countOf('--max-lost', words.maxLost, 0),
    onWarning: (message: string) => messages.say(message),
    onResult: words.verbose === true ? (result) => messages.onResult(result) : undefined,
  } satisfies { [Name in keyof WorkOptions]: WorkOptions[Name] | undefined }) as WorkOptions
}

/** Resolves when the worker was ended by a signal and nothing of it is left. */
function endedBySignals(worker: FleetWorker, messages: Messages): Promise<void> {
  return new Promise((resolve, reject) => {
    let times = 0
    const end = (signal: NodeJS.Signals) => {
      times += 1
      const { active } = worker.counts()
      const tasks = `${active} ${active === 1 ? 'task' : 'tasks'}`
      if (times === 1) messages.say(`${signal}: finishing ${tasks}; a second one ends and hands back`)
      else messages.say(`${signal}: ending ${tasks}`)
      const closed = times === 1 ? worker.close() : worker.destroy()
      closed.then(resolve, reject)
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end)
    const change = (by: number) => () => {
      worker.concurrency = Math.max(1, worker.concurrency + by)
      messages.say(`${worker.concurrency} at once from now on`)
    }
    process.on('SIGUSR1', change(1))
    process.on('SIGUSR2', change(-1))
  })
}
