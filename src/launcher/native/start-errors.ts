import { getSystemErrorName } from 'node:util'
import { DroverError } from '../../task/errors.js'
import type { OutputSpec, StartError, StartSpec } from '../port.js'
import { shortFileError } from '../ranges.js'
import { nameOfDescriptor } from './start-descriptors.js'
import { LIMITS } from './start-options.js'
import { Step } from './wire.js'

/** Says in words why a child did not start. */
export function startErrorOf(errno: number, step: number, spec: StartSpec): StartError {
  const code = codeOf(errno)
  return { code, message: describe(code, step, spec) }
}

/** @param errno - 0 when the file ended too early. */
export function inputErrorOf(errno: number, { stdin }: StartSpec): StartError {
  const path = stdin.from === 'file' ? stdin.path : 'standard input'
  if (errno === 0) return shortFileError(path)
  const code = codeOf(errno)
  return { code, message: `cannot read ${path}: ${reasonOf(code)}` }
}

export function tooLongError(spec: StartSpec): StartError {
  return { code: 'E2BIG', message: describe('E2BIG', Step.exec, spec) }
}

/** What the system said, in words. */
export function systemErrorOf(errno: number): StartError {
  const code = codeOf(errno)
  return { code, message: reasonOf(code) }
}

/** For an error of this side, which has a code. */
export function describedError(error: unknown): StartError {
  const { code = 'ERR_DROVER_SPAWN', message } = error as NodeJS.ErrnoException
  return { code, message }
}

/** @param holder - who has the lock; 0 when not known. */
export function lockErrorOf(errno: number, holder: number, path: string): DroverError {
  const code = codeOf(errno)
  if (code !== 'EAGAIN') return new DroverError(code, `cannot lock ${path}: ${reasonOf(code)}`)
  const who = holder === 0 ? 'another process' : `process ${holder}`
  return new DroverError('ERR_DROVER_LOCKED', `${path} is locked by ${who}`)
}

export function datagramErrorOf(errno: number, path: string): DroverError {
  const code = codeOf(errno)
  const reason = code === 'ECONNREFUSED' ? 'nobody receives there (ECONNREFUSED)' : reasonOf(code)
  return new DroverError(code, `cannot send to the socket ${path}: ${reason}`)
}

function describe(code: string, step: number, spec: StartSpec): string {
  const file = fileName(spec)
  const limit = LIMITS[step - Step.limit]
  if (limit !== undefined)
    return `cannot set the ${limit.words} of ${file} to ${spec.limits?.[limit.name]}: ${reasonOf(code)}`
  const descriptor = spec.descriptors?.[step - Step.descriptor]
  if (descriptor !== undefined) return `cannot open ${nameOfDescriptor(descriptor)}: ${reasonOf(code)}`
  const group = spec.groups?.[step - Step.group]
  if (group !== undefined) return `cannot put ${file} into the control group ${group}: ${reasonOf(code)}`
  switch (step) {
    case Step.cwd:
      return `cannot enter the working directory ${spec.cwd}: ${reasonOf(code)}`
    case Step.stdin:
      return `cannot open ${spec.stdin.from === 'file' ? spec.stdin.path : 'standard input'}: ${reasonOf(code)}`
    case Step.stdout:
      return `cannot open ${pathOf(spec.stdout) ?? 'standard output'}: ${reasonOf(code)}`
    case Step.stderr:
      return `cannot open ${pathOf(spec.stderr) ?? 'standard error'}: ${reasonOf(code)}`
    case Step.nice:
      return `cannot set the niceness of ${file}, ${spec.nice} added to the launcher's: ${reasonOf(code)}`
    case Step.text:
      return `${file} cannot be started with a NUL character in its arguments, environment or paths`
    case Step.exec:
      return describeExec(code, file)
    default:
      return `${file} could not be started: ${reasonOf(code)}`
  }
}

function describeExec(code: string, file: string): string {
  switch (code) {
    case 'ENOENT':
      return `there is no program ${file}${file.includes('/') ? '' : ' on the PATH'}`
    case 'EACCES':
      return `${file} is not executable, or a folder on the way to it may not be entered`
    case 'E2BIG':
      return `the arguments and the environment for ${file} are longer than the system allows`
    default:
      return `${file} could not be started: ${reasonOf(code)}`
  }
}

function fileName({ file }: StartSpec): string {
  return typeof file === 'string' ? file : Buffer.from(file).toString()
}

function pathOf(output: OutputSpec): string | null {
  return output.to === 'file' ? output.path : null
}

function codeOf(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `ERRNO_${errno}`
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'only a privileged process may do that',
  ENOTDIR: 'it, or a part of the path to it, is not a directory',
  EISDIR: 'it is a directory',
  ENXIO: 'it is a named pipe that nobody reads',
  EMFILE: 'too many files are open in the launcher (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EAGAIN: 'the limit of processes is reached (ulimit -u)',
  ENOMEM: 'there is not enough memory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  ESPIPE: 'it is no regular file, so that it has no parts that can be told',
  ETXTBSY: 'the file is being written to',
}

function reasonOf(code: string): string {
  return REASONS[code] === undefined ? code : `${REASONS[code]} (${code})`
}
