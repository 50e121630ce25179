import { DroverError } from '../task/errors.js'
import { controlFolder, MOST_NAME, runOfName } from './control-folder.js'
import type { LiveRun } from './protocol.js'
import { RemoteRun } from './remote-run.js'
import { connectTo, socketsIn } from './remove-dead.js'

/** A run that is there, and that does not answer at the moment. */
export interface SilentRun {
  /** The run's id; only its beginning, where it is longer than 60 characters. */
  readonly run: string
  /** It does not answer: it may be stopped (Ctrl-Z), or hang. */
  readonly silent: true
}

/**
 * All that goes on for this user and can be steered: runs, pools, daemons; the first to be started first. Those that do not answer
 * within two seconds, as when they are stopped, are told as well.
 *
 * @param options - `tasks`: whether to tell their tasks as well. Default: false.
 */
export async function liveRuns(options: { readonly tasks?: boolean } = {}): Promise<(LiveRun | SilentRun)[]> {
  const folder = controlFolder()
  const found = await Promise.all(
    socketsIn(folder).map(async (name): Promise<LiveRun | SilentRun | null> => {
      try {
        return await new RemoteRun(name, folder).status(options)
      } catch (error) {
        const { code } = error as DroverError
        if (code === 'ERR_DROVER_NO_RUN') return null
        if (code === 'ERR_DROVER_NO_ANSWER' || code === 'ERR_DROVER_CONTROL_VERSION')
          return { run: runOfName(name)!, silent: true }
        throw error
      }
    }),
  )
  const startedAt = (run: LiveRun | SilentRun) => ('startedAt' in run ? run.startedAt : '')
  return found.filter((run) => run !== null).sort((a, b) => (startedAt(a) < startedAt(b) ? -1 : 1))
}

/**
 * Finds something that goes on.
 *
 * @param reference - the run's id, the beginning of one that no other run has, or the pid of the process that it goes on in.
 * @throws (as a rejection) DroverError `ERR_DROVER_NO_RUN`, or `ERR_DROVER_AMBIGUOUS` when it may be several.
 */
export async function findRun(reference: string): Promise<RemoteRun> {
  const folder = controlFolder()
  const wanted = reference.slice(0, MOST_NAME)
  const all = socketsIn(folder)
  let matches = await alive(
    folder,
    all.filter((name) => runOfName(name) === wanted),
  )
  if (matches.length === 0 && wanted !== '') {
    matches = await alive(
      folder,
      all.filter((name) => runOfName(name)!.startsWith(wanted)),
    )
  }
  if (matches.length === 0 && /^\d+$/.test(reference)) {
    const runs = await Promise.all(all.map(async (name) => ({ name, live: await liveOrNull(name, folder) })))
    matches = runs.filter(({ live }) => String(live?.pid) === reference).map(({ name }) => name)
  }
  if (matches.length === 1) return new RemoteRun(matches[0]!, folder)
  if (matches.length === 0) {
    throw new DroverError(
      'ERR_DROVER_NO_RUN',
      `no run ${JSON.stringify(reference)} goes on; drover ps shows those that do`,
    )
  }
  const names = await Promise.all(
    matches.map(async (name) => {
      const live = await liveOrNull(name, folder)
      return live === null ? runOfName(name) : `${live.run} (pid ${live.pid})`
    }),
  )
  throw new DroverError(
    'ERR_DROVER_AMBIGUOUS',
    `${JSON.stringify(reference)} may be ${names.join(' or ')}; write more of it, or the pid`,
  )
}

/** Those of them on which somebody listens. */
async function alive(folder: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        const socket = await connectTo(folder, name)
        socket?.destroy()
        return socket === null ? null : name
      } catch {
        // It is there, and who asks it for something is told why it does not answer.
        return name
      }
    }),
  )
  return found.filter((name) => name !== null)
}

/** Null when it has ended or does not answer. */
async function liveOrNull(name: string, folder: string): Promise<LiveRun | null> {
  try {
    return await new RemoteRun(name, folder).status()
  } catch {
    return null
  }
}
