import type { Summary } from '../dispatch/progress.js'
import { Journal } from '../journal/journal.js'
import { JournalError } from '../journal/journal-error.js'
import { OptionError } from '../task/errors.js'
import type { Messages } from './messages.js'
import type { JournalRequest } from './run-options.js'

/** @throws OptionError when it cannot be used: nothing has been started yet. */
export async function openJournal({ path, ...options }: JournalRequest): Promise<Journal> {
  try {
    return await Journal.open(path, options)
  } catch (error) {
    if (error instanceof JournalError) throw new OptionError(`--journal: ${error.message}`)
    throw error
  }
}

/** What a crash has left in it is nothing to worry about, but to be known. */
export function tellOfFindings({ path, findings }: Journal, messages: Messages): void {
  const { cutBytes, damagedLines } = findings
  if (cutBytes > 0) messages.say(`${path}: the last record was torn and has been cut off (${cutBytes} bytes)`)
  if (damagedLines > 0) {
    const lines = damagedLines === 1 ? '1 line is no record' : `${damagedLines} lines are no records`
    messages.say(`${path}: ${lines}, as after a power cut; what they told of is run again`)
  }
}

export function tellOfDone({ alreadyDone, alreadyFailed }: Summary, messages: Messages): void {
  if (alreadyDone === 0) return
  const tasks = `${alreadyDone.toLocaleString('en')} ${alreadyDone === 1 ? 'task was' : 'tasks were'} done before`
  const failed =
    alreadyFailed === 0
      ? ''
      : `, ${alreadyFailed.toLocaleString('en')} without success; --retry-failed runs those again`
  messages.say(`${tasks}${failed}`)
}
