import { closeSync } from 'node:fs'
import { isatty } from 'node:tty'

/**
 * At its exit Node sets each terminal among its first three descriptors as it was at the start, even from the background. A pager or
 * an editor that has set it otherwise meanwhile, as in `drover run … | less`, would see no key any more. Those that are closed it
 * leaves alone. Nothing can be printed to a terminal after this.
 */
export function leaveTerminals(): void {
  for (const fd of [0, 1, 2]) if (isatty(fd)) closeSync(fd)
}
