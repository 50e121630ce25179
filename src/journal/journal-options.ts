import { checkOneOf, rejectUnknown } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import type { JournalOptions } from './journal.js'

const KNOWN = ['resume', 'retryFailed', 'acceptChanges', 'fsync', 'launcher', 'command']

/** @throws OptionError that names the option and what was expected. */
export function checkJournalOptions(path: string, options: JournalOptions): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new OptionError(`the journal: expected the path of a file, not ${JSON.stringify(path)}`)
  rejectUnknown('Journal.open()', options, KNOWN)
  checkOneOf('fsync', options.fsync ?? 'interval', ['always', 'interval', 'never'])
  for (const name of ['resume', 'retryFailed', 'acceptChanges'] as const) {
    const value = options[name] ?? false
    if (typeof value !== 'boolean') throw new OptionError(`${name}: expected true or false, not ${String(value)}`)
  }
}
