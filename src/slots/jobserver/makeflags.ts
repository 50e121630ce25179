/**
 * The variables in which GNU make and cargo name their jobserver, as GNU make's manual describes them ("POSIX Jobserver"):
 *
 *   MAKEFLAGS=" -j4 --jobserver-auth=3,4"            two descriptors that were inherited, to read from and to write to
 *   MAKEFLAGS="k -j4 --jobserver-auth=fifo:/path"    a named pipe, from make 4.4 on
 *
 * The first word holds short flags without a dash, or nothing; variables of the command line follow after a `--`.
 */

/** Where the tokens are. */
export type JobserverPlace = { readonly fifo: string } | { readonly read: number; readonly write: number }

export interface NamedJobserver {
  /** Null where the variable says that there is none for this process. */
  readonly place: JobserverPlace | null
  /** How many jobs there may be in all; null when it is not said. */
  readonly jobs: number | null
}

/** The variables, the most specific first. */
const VARIABLES = ['CARGO_MAKEFLAGS', 'MAKEFLAGS'] as const

const AUTH = /^--jobserver-(?:auth|fds)=(.*)$/
const JOBS = /^(?:-j|--jobs=)(\d*)$/

/** The jobserver that an environment names; null when it names none. */
export function jobserverOf(env: Readonly<Record<string, string | undefined>>): NamedJobserver | null {
  for (const variable of VARIABLES) {
    const words = wordsOf(env[variable] ?? '')
    // The last one counts.
    const auth = words.flags.findLast((word) => AUTH.test(word))
    if (auth === undefined) continue
    const jobs = Number(words.flags.findLast((word) => JOBS.test(word))?.match(JOBS)?.[1])
    return { place: placeOf(AUTH.exec(auth)![1]!), jobs: jobs > 0 ? jobs : null }
  }
  return null
}

function placeOf(auth: string): JobserverPlace | null {
  if (auth.startsWith('fifo:')) return auth.length > 5 ? { fifo: auth.slice(5) } : null
  const pair = /^(\d+),(\d+)$/.exec(auth)
  return pair === null ? null : { read: Number(pair[1]), write: Number(pair[2]) }
}

/** The variables for a process that is to use this jobserver. */
export function environmentFor(
  env: Readonly<Record<string, string | undefined>>,
  place: JobserverPlace,
  jobs: number,
): Record<string, string> {
  const auth = 'fifo' in place ? `fifo:${place.fifo}` : `${place.read},${place.write}`
  const own = `-j${jobs} --jobserver-auth=${auth}`
  const { short, flags, rest } = wordsOf(withoutJobserver(env.MAKEFLAGS ?? ''))
  return {
    MAKEFLAGS: [[short, own].join(' '), ...flags, ...rest].join(' '),
    CARGO_MAKEFLAGS: own,
  }
}

/** What to change in the environment of a process that is to use no jobserver; null where there is nothing to change. */
export function environmentWithout(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | null> | null {
  const changes: Record<string, string | null> = {}
  for (const variable of VARIABLES) {
    const value = env[variable]
    if (value === undefined || !wordsOf(value).flags.some((word) => AUTH.test(word))) continue
    const rest = withoutJobserver(value)
    changes[variable] = rest.trim() === '' ? null : rest
  }
  return Object.keys(changes).length === 0 ? null : changes
}

/** The flags without a jobserver and without a number of jobs, which means nothing else then. */
function withoutJobserver(value: string): string {
  const { short, flags, rest } = wordsOf(value)
  const kept = flags.filter((word) => !AUTH.test(word) && !JOBS.test(word))
  return [short, ...kept, ...rest].join(' ')
}

/** `rest` begins with `--`, where there are variables. */
function wordsOf(value: string): { short: string; flags: string[]; rest: string[] } {
  const words = value.split(' ')
  const first = words[0]!
  const hasShort = first !== '' && !first.startsWith('-') && !first.includes('=')
  const others = (hasShort ? words.slice(1) : words).filter((word) => word !== '')
  const end = others.indexOf('--')
  return {
    short: hasShort ? first : '',
    flags: end === -1 ? others : others.slice(0, end),
    rest: end === -1 ? [] : others.slice(end),
  }
}
