import type { ResultJournal } from '../dispatch/result-journal.js'
import { type TaskInput, withSlot } from '../input/input.js'
import type { FdWriter } from '../output/fd-writer.js'
import { InputError } from '../task/errors.js'
import { KeyCounter } from '../task/key.js'
import { type Task, type Text, textBytes } from '../task/task.js'

/**
 * Prints what would be run, a line for the shell each, and starts nothing.
 *
 * @param journal - what is done there would not be run.
 * @throws InputError at the first bad line.
 */
export async function printCommands(input: TaskInput, writer: FdWriter, journal: ResultJournal | null): Promise<void> {
  const keys = journal === null ? null : new KeyCounter()
  for await (const task of input) {
    if ('invalid' in task) throw new InputError({ source: 'input' }, task.invalid.message)
    if (keys !== null && journal?.stateOf(task, keys.keyOf(task)) != null) continue
    await writer.write(commandLine(withSlot(task, 1)))
  }
  await writer.flush()
}

function commandLine(task: Task): Buffer {
  const words =
    task.args === undefined ? [latin1(task.command)] : [task.command, ...task.args].map((word) => quoted(word))
  return Buffer.from(`${words.join(' ')}\n`, 'latin1')
}

/** One character a byte, so that bytes that are no text come out as they were. */
function latin1(text: Text): string {
  return Buffer.from(textBytes(text)).toString('latin1')
}

function quoted(word: Text): string {
  const bytes = latin1(word)
  return /^[\w@%+=:,./-]+$/.test(bytes) ? bytes : `'${bytes.replaceAll("'", "'\\''")}'`
}
