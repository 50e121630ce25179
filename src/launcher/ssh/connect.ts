import { randomBytes } from 'node:crypto'
import { DroverError } from '../../task/errors.js'
import { launcherBuilds } from '../native/builds.js'
import { type HostAnswer, startScript, storeScript } from './remote-script.js'
import { SshLink } from './ssh-link.js'

export interface ConnectOptions {
  /** Milliseconds that each ssh may take until it answers. */
  readonly timeoutMs: number
  /** Gives up. */
  readonly signal: AbortSignal
}

/** A launcher that runs on a host. */
export interface HostConnection {
  readonly link: SshLink
  readonly cpus: number
}

/**
 * Starts a launcher on a host, and stores it there if it is not there yet.
 *
 * @throws (as a rejection) DroverError with code `ERR_DROVER_HOST` that says why there is none.
 */
export async function connect(host: string, options: ConnectOptions): Promise<HostConnection> {
  const first = await ask(host, options)
  if (first.answer.state === 'ready') return { link: first.link, cpus: first.answer.cpus }
  first.link.destroy()
  await store(host, first.answer, options)
  const { link, answer } = await ask(host, options)
  if (answer.state === 'ready') return { link, cpus: answer.cpus }
  link.destroy()
  throw hostError(host, 'the launcher that was stored there cannot be executed; is its ~/.cache mounted with noexec?')
}

async function ask(host: string, options: ConnectOptions): Promise<{ link: SshLink; answer: HostAnswer }> {
  const mark = newMark()
  const link = new SshLink(host, startScript(mark, launcherBuilds()))
  return { link, answer: await answerOf(link, mark, options) }
}

async function store(host: string, { state, system }: HostAnswer, options: ConnectOptions): Promise<void> {
  const build = launcherBuilds().find(({ systems }) => systems.includes(system))
  if (state === 'unknown' || build === undefined) {
    const have = launcherBuilds().flatMap(({ systems }) => systems)
    const there = have.length === 0 ? 'there is none at all here' : `there is one for ${have.join(', ')}`
    throw hostError(host, `it is ${system}, for which there is no launcher; ${there}`)
  }
  const mark = newMark()
  const link = new SshLink(host, storeScript(mark, build))
  link.feed(build.bytes)
  await answerOf(link, mark, options)
  link.destroy()
}

async function answerOf(link: SshLink, mark: string, { timeoutMs, signal }: ConnectOptions): Promise<HostAnswer> {
  const abandon = () => link.abandon()
  signal.addEventListener('abort', abandon)
  try {
    if (signal.aborted) abandon()
    return await link.answer(mark, timeoutMs)
  } finally {
    signal.removeEventListener('abort', abandon)
  }
}

/** What nothing that a profile prints can be. */
function newMark(): string {
  return `drover-${randomBytes(12).toString('hex')}`
}

function hostError(host: string, reason: string): DroverError {
  return new DroverError('ERR_DROVER_HOST', `cannot use the host ${host}: ${reason}`)
}
