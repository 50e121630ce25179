import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { launcherFor } from '../launcher/default-launcher.js'
import { nativeLauncherUnavailable } from '../launcher/native/native-launcher.js'
import type { LauncherCapabilities } from '../launcher/port.js'
import { type LimitMechanism, limitMechanisms } from '../process/limit-mechanisms.js'
import type { Limits } from '../process/limits.js'
import { usableCpus } from '../slots/usable-cpus.js'
import { version } from './version.js'

/** What this machine offers and what drover will use. */
export interface Diagnosis {
  readonly drover: string
  readonly node: string
  readonly platform: string
  readonly cpus: number
  /** Open files that one process may have; null where that is not known. */
  readonly openFiles: number | null
  readonly tmpdir: string
  readonly launcher: {
    readonly name: string
    /** Why it is not the native one. */
    readonly problem: string | null
    readonly capabilities: LauncherCapabilities
  }
  /** By what each limit of tasks is kept here. */
  readonly limits: Readonly<Record<keyof Limits, LimitMechanism>>
}

/** Looks at this machine. */
export function diagnose(): Diagnosis {
  const { name, capabilities } = launcherFor()
  const asked = process.env.DROVER_LAUNCHER === 'node' ? 'DROVER_LAUNCHER asks for the node one' : null
  return {
    drover: version(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpus: usableCpus(),
    openFiles: openFileLimit(),
    tmpdir: tmpdir(),
    launcher: { name, problem: name === 'native' ? null : (asked ?? nativeLauncherUnavailable()), capabilities },
    limits: limitMechanisms(launcherFor()),
  }
}

const CAPABILITIES: Readonly<Record<keyof Omit<LauncherCapabilities, 'isRemote'>, string>> = {
  endsWithParent: 'everything ends when drover itself is killed',
  findsDoubleForks: 'processes are found that left without a trace',
  bytes: 'arguments need not be UTF-8',
  usage: 'results tell CPU time and memory',
  realPipes: '/dev/stdin and /dev/stderr can be opened in tasks',
  limits: 'children can be given a niceness and limits of their own',
  locks: 'locks are held that end with drover',
  slots: 'slots are shared with unrelated runs',
  jobservers: 'tokens of a jobserver go back however drover ends',
}

const LIMIT_OPTIONS: readonly (readonly [string, keyof Limits])[] = [
  ['--max-memory', 'maxMemoryBytes'],
  ['--cpus', 'cpus'],
  ['--max-processes', 'maxProcesses'],
  ['--max-cpu-time', 'maxCpuMs'],
  ['--max-file-size', 'maxFileSizeBytes'],
  ['--nice', 'nice'],
]

const MECHANISMS: Readonly<Record<LimitMechanism, string>> = {
  'cgroup v2': 'kept by the kernel, in a control group of its own (v2)',
  'cgroup v1': 'kept by the kernel, in a control group of its own (v1)',
  kernel: 'kept by the kernel, for each process',
  watched: 'looked at 20 times a second',
  none: 'cannot be kept here',
}

/** The diagnosis for people. */
export function diagnosisText(diagnosis: Diagnosis): string {
  const { launcher } = diagnosis
  const rows = [
    ['drover', `${diagnosis.drover} on Node ${diagnosis.node}, ${diagnosis.platform}`],
    ['CPUs', `${diagnosis.cpus}, so many tasks run at once without --jobs`],
    ['open files', diagnosis.openFiles === null ? 'not known' : `${diagnosis.openFiles} in one process`],
    ['temporary', diagnosis.tmpdir],
    ['launcher', launcher.name],
    ...(launcher.problem === null ? [] : [['', launcher.problem]]),
    ...Object.entries(CAPABILITIES).map(([key, words]) => [
      '',
      `${launcher.capabilities[key as keyof LauncherCapabilities] ? 'yes' : 'no '}  ${words}`,
    ]),
    ...LIMIT_OPTIONS.map(([option, name], n) => [
      n === 0 ? 'limits' : '',
      `${option.padEnd(17)}${MECHANISMS[diagnosis.limits[name]]}`,
    ]),
  ]
  return `${rows.map(([name, words]) => `${name!.padEnd(12)}${words}`).join('\n')}\n`
}

function openFileLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined || soft === 'unlimited' ? null : Number(soft)
  } catch {
    return null
  }
}
