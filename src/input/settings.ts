import { OptionError } from '../task/errors.js'
import { type Text, textBytes } from '../task/task.js'
import { type Item, textItem } from './bytes.js'
import type { InputRequest } from './input.js'
import { type ColumnSplitter, columnSplitter } from './items.js'
import { type FileWords, Template } from './template.js'

/** A request with its defaults, checked. */
export interface Settings {
  readonly command: readonly Item[]
  readonly files: FileWords
  readonly shell: boolean
  readonly replace: string
  readonly itemsPerTask: number
  readonly delimiter: Buffer
  /** Whether items are cut into columns. */
  readonly hasColumns: boolean
  readonly columns: ColumnSplitter
  readonly strict: boolean
  readonly maxLineBytes: number
  readonly stdin: InputRequest['stdin']
  readonly checkTask: InputRequest['checkTask']
}

const MAX_LINE_BYTES = 64 * 1024 * 1024

/** @throws OptionError for values that cannot be used, and for options that contradict each other */
export function readSettings(request: InputRequest): Settings {
  const { itemsPerTask = 1, maxLineBytes = MAX_LINE_BYTES, replace = '{}' } = request
  if (!Number.isSafeInteger(itemsPerTask) || itemsPerTask < 1)
    throw new OptionError(`-n needs a whole number of at least 1, not ${itemsPerTask}`)
  if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1)
    throw new OptionError(`--max-line needs a size of at least 1 byte, not ${maxLineBytes}`)
  if (replace === '') throw new OptionError('-I needs a string that stands for the item; give one such as {} or ITEM')
  checkSources(request)
  const settings: Settings = {
    command: request.command.map(textItem),
    files: { transfer: (request.transfer ?? []).map(textItem), return: (request.return ?? []).map(textItem) },
    shell: request.shell ?? false,
    replace,
    itemsPerTask,
    delimiter: readDelimiter(request.delimiter),
    hasColumns: request.columnSeparator !== undefined,
    columns: columnSplitter(request.columnSeparator),
    strict: request.strict ?? false,
    maxLineBytes,
    stdin: request.stdin,
    checkTask: request.checkTask,
  }
  checkItems(settings, Math.max(request.groups?.length ?? 0, request.argFiles?.length ?? 0))
  return settings
}

/**
 * The template of the command; null where there is none, so that each item is a line for the shell.
 *
 * @param count - how many columns there can be at the most
 */
export function compileCommand(
  settings: Settings,
  count: number,
  names: ReadonlyMap<string, number> = new Map(),
): Template | null {
  const { command, files, shell, replace } = settings
  return command.length === 0 ? null : new Template(command, shell, { replace, names, count }, files)
}

function checkSources({ tasks, groups = [], argFiles = [], ...rest }: InputRequest): void {
  const given = [tasks !== undefined && '--tasks', groups.length > 0 && ':::', argFiles.length > 0 && '-a'].filter(
    Boolean,
  )
  if (given.length > 1)
    throw new OptionError(`${given.join(' and ')} each say where the tasks come from; give only one of them`)
  if (groups[0]?.linked) throw new OptionError(':::+ links to the group before it, but there is none; begin with :::')
  if (argFiles.filter((file) => file === '-').length > 1)
    throw new OptionError('stdin can be read only once; give "-a -" once')
  const forItems = [
    rest.itemsPerTask !== undefined && '-n',
    rest.delimiter !== undefined && '-d and -0',
    rest.columnSeparator !== undefined && '--colsep',
  ].filter(Boolean)
  if (tasks !== undefined && forItems.length > 0)
    throw new OptionError(`${forItems[0]} cut up items, but --tasks gives whole tasks; leave out one of the two`)
  if (groups.length > 0 && rest.delimiter !== undefined)
    throw new OptionError(
      '-d and -0 cut up a file or stdin, but ::: gives the items one by one; leave out one of the two',
    )
}

function checkItems({ command, files, itemsPerTask, hasColumns }: Settings, groups: number): void {
  if (command.length === 0 && files.transfer.length + files.return.length > 0)
    throw new OptionError(
      '--transfer and --return go with a COMMAND; tasks from JSON name their files in "transfer" and "return"',
    )
  if (itemsPerTask > 1 && hasColumns)
    throw new OptionError('-n puts several items into a command, --colsep cuts one into columns; give only one of them')
  if (itemsPerTask > 1 && groups > 1)
    throw new OptionError(
      '-n takes the items of one group, but several give combinations; leave out -n or all groups but one',
    )
  if (command.length > 0) return
  const several = itemsPerTask > 1 ? '-n' : groups > 1 ? 'several groups of items' : hasColumns ? '--colsep' : null
  if (several !== null)
    throw new OptionError(
      `without a COMMAND each item is a line for the shell, so that ${several} cannot be used; give a COMMAND`,
    )
}

function readDelimiter(delimiter: Text | number | undefined): Buffer {
  if (delimiter === undefined) return Buffer.from('\n')
  if (typeof delimiter === 'number' && !(Number.isInteger(delimiter) && delimiter >= 0 && delimiter <= 255))
    throw new OptionError(`the delimiter as a number is a byte from 0 to 255, not ${delimiter}`)
  const bytes = Buffer.from(typeof delimiter === 'number' ? [delimiter] : textBytes(delimiter))
  if (bytes.length === 0) throw new OptionError('-d needs a delimiter; give one character, or use -0')
  return bytes
}
