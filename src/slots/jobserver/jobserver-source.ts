import { OptionError } from '../../task/errors.js'
import type { SlotContext, SlotPermit, SlotSource, SlotSourceMaker } from '../slot-source.js'
import { ClientTokens } from './client-tokens.js'
import { problemOfPlace } from './inherited-pipe.js'
import { environmentWithout, type JobserverPlace, jobserverOf } from './makeflags.js'
import { type JobserverForm, ServerTokens } from './server-tokens.js'

/**
 * `client`: slots come from the jobserver that this process was started under. `server`: it is one for what it starts. `auto`: the first
 * where there is one, else the second. `off`: neither, and tasks are told of none.
 */
export type JobserverMode = 'auto' | 'server' | 'client' | 'off'

/** The number of jobs of the jobserver that would be used; null when there is none, or none is told. */
export function jobserverJobs(mode: JobserverMode): number | null {
  if (mode === 'server' || mode === 'off') return null
  const named = jobserverOf(process.env)
  return named?.place == null || problemOfPlace(named.place) !== null ? null : named.jobs
}

/** @throws OptionError (when it is made) for a mode that is not possible here. */
export function jobserverSource(mode: JobserverMode, form: JobserverForm): SlotSourceMaker {
  return (context) => {
    const can = context.launcher.capabilities.jobservers
    if (!can && (mode === 'server' || mode === 'client')) {
      throw new OptionError(
        `jobserver: ${mode} needs the native launcher, which is not used here; leave it out, or see drover doctor`,
      )
    }
    if (mode === 'off' || !can) return new NoTokens()
    const found = mode === 'server' ? null : findServer(mode, context)
    if (found !== null) return new ClientTokens(context, found.place, found.jobs)
    // Without a limit there is nothing to share.
    return Number.isFinite(context.concurrency()) ? new ServerTokens(context, form, mode === 'server') : new NoTokens()
  }
}

function findServer(
  mode: 'auto' | 'client',
  context: SlotContext,
): { place: JobserverPlace; jobs: number | null } | null {
  const named = jobserverOf(process.env)
  const problem =
    named === null
      ? 'MAKEFLAGS names no jobserver'
      : named.place === null
        ? 'MAKEFLAGS says that there is none for this process'
        : problemOfPlace(named.place)
  if (problem === null) return { place: named!.place!, jobs: named!.jobs }
  if (mode === 'client') {
    throw new OptionError(`jobserver: ${problem}; in a makefile, put a + before the line that starts drover`)
  }
  if (named?.place != null) {
    context.onWarning(
      `the jobserver that MAKEFLAGS names cannot be used: ${problem}; in a makefile, put a + before the line that starts drover`,
    )
  }
  return null
}

/** Lets everything start, and tells tasks of no jobserver. */
class NoTokens implements SlotSource {
  readonly #permit: SlotPermit

  constructor() {
    const env = environmentWithout(process.env)
    this.#permit = { ...(env !== null && { spec: { env: Object.freeze(env) } }), release() {} }
  }

  take(): SlotPermit {
    return this.#permit
  }

  unwanted(): void {}

  async rest(): Promise<void> {}
}
