import { readProcesses, usesOf } from '../process/process-uses.js'

/**
 * The resident memory of workers, each with all processes below it. Memory that they share is counted for each of them.
 *
 * @param workers - their pids.
 * @returns bytes by the worker's pid; Linux only, empty elsewhere.
 */
export function residentMemory(workers: ReadonlySet<number>): Map<number, number> {
  return new Map([...usesOf(workers, readProcesses())].map(([pid, { bytes }]) => [pid, bytes]))
}
