import type { OutputSpec } from './port.js'

/** Whether the launcher reads it, so that it has an end that is told. */
export function isRead({ to }: OutputSpec): boolean {
  return to === 'pipe' || to === 'count'
}
