import { describeAddress } from '../fleet/address.js'
import { queueTelemetry } from '../fleet/dashboard/telemetry.js'
import { type FleetWorker, work } from '../fleet/fleet-worker.js'
import { openTrust, readKeyFiles } from '../fleet/trust/index.js'
import type { WorkOptions } from '../fleet/work-options.js'
import type { Ending } from './exit.js'
import { followJobsFile } from './jobs-file.js'
import { Messages } from './messages.js'
import { printErr } from './print.js'
import { withHeldQueue } from './queue-address.js'
import { countOf, durationOf, sizeOf, taskSettings } from './run-options.js'
import { given, parseColor } from './values.js'
import type { WorkWords } from './work-command.js'
import { dashboardRequest, serveDashboard } from './work-dashboard.js'

/** Works until a signal ends it. @throws OptionError for a mistake in the call; what drover itself could not go on for. */
export async function runWorker(words: WorkWords): Promise<Ending> {
  const messages = new Messages({
    quiet: words.quiet === true,
    verbose: words.verbose === true,
    color: parseColor(words.color ?? 'auto', process.stderr.isTTY === true),
    what: 'task',
    tellsFailed: false,
    write: (line) => printErr(`${line}\n`),
  })
  const keys = words.key === undefined ? null : readKeyFiles(words.key)
  const watched = dashboardRequest(words)
  return withHeldQueue(words, async (address) => {
    const trust = keys === null ? null : await openTrust(address, keys)
    const dashboard = watched === null ? null : await serveDashboard(watched, address, messages)
    const telemetry = await queueTelemetry()
    const worker = await work({
      ...workOptions(words, messages),
      queue: address,
      ...(trust !== null && { verifier: trust.verifier }),
      ...(telemetry !== undefined && { telemetry }),
      ...(words.verbose === true && { onResult: (result) => messages.onResult(result) }),
    })
    dashboard?.watch(worker, trust?.refused)
    await untilEnded(worker, words, messages)
    await Promise.all([trust?.close(), dashboard?.close()])
    return { status: 0 }
  })
}

async function untilEnded(worker: FleetWorker, words: WorkWords, messages: Messages): Promise<void> {
  const ended = endedBySignals(worker, messages)
  const { address } = worker.backend
  const where = `${describeAddress(address)}, queue ${address.queue}`
  worker.ready().then(
    () => messages.say(`${worker.name} works for ${where}, ${worker.concurrency} at once`),
    () => {},
  )
  const setJobs = (jobs: number) => {
    worker.concurrency = jobs
  }
  const stopFollowing =
    words.jobsFile === undefined ? null : followJobsFile(words.jobsFile, setJobs, (message) => messages.say(message))
  await ended
  stopFollowing?.()
  const { byState, handedBack } = worker.counts()
  const done = Object.values(byState).reduce((sum, count) => sum + count, 0)
  messages.say(`tasks done: ${done.toLocaleString('en')}, handed back: ${handedBack.toLocaleString('en')}`)
}

function workOptions(words: WorkWords, messages: Messages): Omit<WorkOptions, 'queue'> {
  return given({
    ...taskSettings(words),
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
  } satisfies Partial<WorkOptions>) as Omit<WorkOptions, 'queue'>
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
