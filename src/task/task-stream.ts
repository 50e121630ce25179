import type { TaskStream } from './task.js'

/** Whether a standard input comes bit by bit: it can be read once only, and nobody knows what is in it. */
export function isTaskStream(stdin: unknown): stdin is TaskStream {
  return (
    typeof stdin === 'object' &&
    stdin !== null &&
    Symbol.asyncIterator in stdin &&
    typeof stdin[Symbol.asyncIterator] === 'function'
  )
}
