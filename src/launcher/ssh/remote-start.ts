import { posix } from 'node:path'
import type { StartError, StartSpec } from '../port.js'

/** What a start on another machine has besides what its task says. */
export interface Surroundings {
  /** Where tasks run there; relative to the home there. Null for the folder that this process is in. */
  readonly workdir: string | null
  /** Variables of this process that are passed on. */
  readonly env: readonly string[]
  /** Whether files that were carried there are removed again. */
  readonly cleanup: boolean
}

/** Why a start cannot be made elsewhere; null when it can. */
export function problemOfStart({ stdin, stdout, stderr, descriptors, groups }: StartSpec): StartError | null {
  const here = [
    stdin.from === 'inherit' && 'standard input that is inherited',
    (stdout.to === 'inherit' || stderr.to === 'inherit') && 'output that is inherited',
    (descriptors?.length ?? 0) > 0 && 'descriptors',
    (groups?.length ?? 0) > 0 && 'control groups',
  ].find((what) => what !== false)
  if (here === undefined) return null
  return { code: 'ERR_DROVER_UNSUPPORTED', message: `${here} cannot be given to a process on another machine` }
}

/** The start as a launcher over there is told of it. */
export function remoteSpec(spec: StartSpec, { workdir, env }: Surroundings): StartSpec {
  return {
    ...spec,
    cwd: remoteFolder(spec, { workdir }),
    env: { ...passedOn(env), ...spec.env },
    direct: undefined,
    keepLeftovers: false,
  }
}

/** The start as this machine's launcher is told of it, in the same surroundings. */
export function localSpec(spec: StartSpec, { workdir }: Surroundings): StartSpec {
  return workdir === null ? spec : { ...spec, cwd: posix.resolve(workdir, spec.cwd ?? '.') }
}

/** Where it runs there; relative to the home there. */
export function remoteFolder({ cwd }: Pick<StartSpec, 'cwd'>, { workdir }: Pick<Surroundings, 'workdir'>): string {
  const base = workdir ?? process.cwd()
  return cwd === undefined ? base : posix.isAbsolute(cwd) ? cwd : posix.join(base, cwd)
}

function passedOn(names: readonly string[]): Record<string, string> {
  const entries = names.map((name): [string, string | undefined] => [name, process.env[name]])
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))
}
