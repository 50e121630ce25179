import type { OutputSpec, OutputStream, StartSpec, StdinSpec } from '../launcher/port.js'
import { plainText, type Task, type TaskStream } from '../task/task.js'
import { isTaskStream } from '../task/task-stream.js'

/** Where both output streams of a task go. */
export type OutputPair = Readonly<Record<OutputStream, OutputSpec>>

export const PIPES: OutputPair = { stdout: { to: 'pipe' }, stderr: { to: 'pipe' } }

/**
 * What the launcher is to start for a task: its program directly, or the shell with its line.
 *
 * @param input - what it reads that has no input of its own: nothing, or this process's.
 */
export function startSpecOf(
  task: Task,
  scope: string,
  output: OutputPair,
  keepLeftovers: boolean,
  input: 'null' | 'inherit' = 'null',
): StartSpec {
  const command = plainText(task.command)
  const { file, args } = task.args === undefined ? shellFor(command) : { file: command, args: task.args.map(plainText) }
  return {
    file,
    args,
    cwd: task.cwd,
    env: task.env === undefined ? undefined : plainEnvironment(task.env),
    stdin: stdinOf(task, input),
    stdout: output.stdout,
    stderr: output.stderr,
    scope,
    keepLeftovers,
    ...filesOf(task),
  }
}

/** The same, for when nobody wants to see what it prints: the launcher reads, counts and drops it. */
export function onlyCounted(spec: StartSpec): StartSpec {
  const counted = (output: OutputSpec): OutputSpec => (output.to === 'pipe' ? { to: 'count' } : output)
  return { ...spec, stdout: counted(spec.stdout), stderr: counted(spec.stderr) }
}

/** Input that is longer than that goes into the child's pipe without the launcher between, where that can be. */
const LONG_BYTES = 128 * 1024

/**
 * How a child is to be started that much is written to.
 *
 * @param stream - what it reads that is not known yet.
 * @returns also what is to be fed to it then.
 */
export function fedDirectly(
  spec: StartSpec,
  stream: TaskStream | null,
): { spec: StartSpec; stream: TaskStream | null } {
  const { stdin, keepLeftovers } = spec
  // What a child leaves behind may go on printing when this process has ended, and then it is the launcher that reads it.
  if (keepLeftovers === true) return { spec, stream }
  if (stream !== null) return { spec: { ...spec, direct: { reusesChunks: false } }, stream }
  if (stdin.from !== 'bytes' || stdin.bytes.length < LONG_BYTES) return { spec, stream }
  return { spec: { ...spec, stdin: { from: 'pipe' }, direct: { reusesChunks: false } }, stream: once(stdin.bytes) }
}

async function* once(bytes: Uint8Array | string): AsyncGenerator<Uint8Array | string> {
  yield bytes
}

function filesOf(task: Task): Pick<StartSpec, 'files'> | null {
  if (task.transfer === undefined && task.return === undefined) return null
  return { files: { transfer: task.transfer ?? [], return: task.return ?? [] } }
}

function shellFor(line: string | Uint8Array): { file: string; args: (string | Uint8Array)[] } {
  if (process.platform === 'win32') return { file: process.env.ComSpec ?? 'cmd.exe', args: ['/d', '/s', '/c', line] }
  return { file: '/bin/sh', args: ['-c', line] }
}

type PlainEnvironment = NonNullable<StartSpec['env']>

/** Of environments that cannot change, since one of them may be that of very many tasks. */
const known = new WeakMap<object, PlainEnvironment>()

function plainEnvironment(env: NonNullable<Task['env']>): PlainEnvironment {
  const same = known.get(env)
  if (same !== undefined) return same
  const plain = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value === null ? null : plainText(value)]),
  )
  const isFixed =
    Object.isFrozen(env) && Object.values(env).every((value) => value === null || typeof value === 'string')
  if (isFixed) known.set(env, Object.freeze(plain))
  return plain
}

/** The input that has to be fed to a task bit by bit; null where the launcher is told where it comes from. */
export function streamOf({ stdin }: Task): TaskStream | null {
  return isTaskStream(stdin) ? stdin : null
}

function stdinOf(task: Task, input: 'null' | 'inherit'): StdinSpec {
  if (isTaskStream(task.stdin)) return { from: 'pipe' }
  if (task.stdin !== undefined) return { from: 'bytes', bytes: plainText(task.stdin) }
  if (task.stdinFile !== undefined) return { from: 'file', path: task.stdinFile, ranges: task.stdinRanges }
  return { from: input }
}
