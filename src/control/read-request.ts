import { DroverError } from '../task/errors.js'
import { CONTROL_VERSION, type ControlRequest } from './protocol.js'

/**
 * Reads the line of a client. By hand, since a library for that would be loaded into every run.
 *
 * @throws DroverError `ERR_DROVER_CONTROL_VERSION`, or `ERR_DROVER_CONTROL` with what was expected.
 */
export function requestOf(line: Buffer): ControlRequest {
  const { version, command, task, tasks, jobs } = fieldsOf(line)
  if (version !== CONTROL_VERSION) {
    throw new DroverError(
      'ERR_DROVER_CONTROL_VERSION',
      `this run speaks version ${CONTROL_VERSION} of the control protocol, not ${JSON.stringify(version)}; use the drover that it was started with`,
    )
  }
  switch (command) {
    case 'status':
      return { command, tasks: tasks === true }
    case 'cancel':
      return task === undefined ? { command } : { command, task: taskOf(task) }
    case 'tail':
      return { command, task: taskOf(task) }
    case 'pause':
    case 'resume':
      return { command }
    case 'jobs':
      if (Number.isSafeInteger(jobs) && (jobs as number) >= 1) return { command, jobs: jobs as number }
      throw expected('jobs, a whole number of at least 1', jobs)
    default:
      throw expected('a command: status, cancel, pause, resume, jobs or tail', command)
  }
}

function fieldsOf(line: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    throw new DroverError('ERR_DROVER_CONTROL', 'expected a line of JSON')
  }
}

function taskOf(task: unknown): string {
  if (typeof task === 'string' && task !== '') return task
  throw expected('task, a string: its id or its number', task)
}

function expected(what: string, value: unknown): DroverError {
  return new DroverError('ERR_DROVER_CONTROL', `expected ${what}, not ${JSON.stringify(value)}`)
}
