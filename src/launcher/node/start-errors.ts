import { statSync } from 'node:fs'
import type { StartError, StartSpec } from '../port.js'

/**
 * Says in words why a child did not start. The system gives one code for a missing program and a missing working
 * directory; which of them it was is looked up here.
 */
export function explainStartError(error: unknown, spec: StartSpec): StartError {
  const { code = 'ERR_DROVER_SPAWN', message, path, syscall } = error as NodeJS.ErrnoException
  const file = typeof spec.file === 'string' ? spec.file : Buffer.from(spec.file).toString()
  if ((syscall === 'open' || syscall === 'stat') && path !== undefined && path !== '/dev/null')
    return { code, message: `cannot open ${path}: ${reasonOf(code)}` }
  const cwdProblem = spec.cwd === undefined ? null : problemOfFolder(spec.cwd)
  if (cwdProblem !== null) return { code, message: `cannot enter the working directory ${spec.cwd}: ${cwdProblem}` }
  switch (code) {
    case 'ENOENT':
      return { code, message: `there is no program ${file}${file.includes('/') ? '' : ' on the PATH'}` }
    case 'EACCES':
      return { code, message: `${file} is not executable, or a folder on the way to it may not be entered` }
    case 'E2BIG':
      return { code, message: `the arguments and the environment for ${file} are longer than the system allows` }
    default:
      return {
        code,
        message: code.startsWith('ERR_DROVER_') ? message : `${file} could not be started: ${reasonOf(code)}`,
      }
  }
}

function problemOfFolder(folder: string): string | null {
  try {
    return statSync(folder).isDirectory() ? null : 'it is not a directory'
  } catch (error) {
    return reasonOf((error as NodeJS.ErrnoException).code ?? '')
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EBADF: 'it is not open in this process',
  ENXIO: 'it is a named pipe that nobody reads',
  EMFILE: 'too many files are open in this process (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EAGAIN: 'the limit of processes is reached (ulimit -u)',
  ENOMEM: 'there is not enough memory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  ETXTBSY: 'the file is being written to',
}

function reasonOf(code: string): string {
  return REASONS[code] === undefined ? code : `${REASONS[code]} (${code})`
}
