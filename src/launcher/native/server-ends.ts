import type { StartError } from '../port.js'

/** What children are told, and who holds something, when a launcher is gone. */
export const DIED: StartError = {
  code: 'ERR_DROVER_LAUNCHER_DIED',
  message: 'the launcher died under the child; everything that it had started is being ended',
}
export const CLOSED: StartError = { code: 'ERR_DROVER_CLOSED', message: 'the launcher was closed' }
export const NEVER_RAN: StartError = {
  code: 'ERR_DROVER_LAUNCHER',
  message: 'the native launcher does not run here: it ended at once; DROVER_LAUNCHER=node does without it',
}
