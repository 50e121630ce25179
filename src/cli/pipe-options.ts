import type { BlockRequest } from '../input/blocks/open-blocks.js'
import { OptionError } from '../task/errors.js'
import type { RunWords } from './run-words.js'
import { fileName, given, parseCount, parseEscapes, parseSize } from './values.js'

/** What was asked for of cutting input into blocks. */
export type PipeOptions = Omit<BlockRequest, 'command' | 'stdin'>

/** What is only for blocks. */
const FOR_BLOCKS = {
  block: '--block',
  records: '-N',
  recend: '--recend',
  recstart: '--recstart',
  header: '--header',
  roundRobin: '--round-robin',
} as const

/** What gives tasks or items, or says how those are read. */
const FOR_ITEMS = {
  tasks: '--tasks',
  null: '-0',
  delimiter: '-d',
  colsep: '--colsep',
  maxArgs: '-n',
  replace: '-I',
} as const

/**
 * @param hasGroups - whether items were given after `:::`.
 * @returns null when neither `--pipe` nor `--pipe-part` was asked for.
 * @throws OptionError for options that contradict each other.
 */
export function pipeOptions(words: RunWords, hasGroups: boolean, concurrency: number): PipeOptions | null {
  const { pipe, pipePart, argFile = [], records, block } = words
  if (pipe !== true && pipePart !== true) {
    const needless = nameOf(FOR_BLOCKS, words)
    if (needless !== undefined)
      throw new OptionError(`${needless} is about blocks of a stream; ask for them with --pipe or --pipe-part`)
    return null
  }
  const option = pipe === true ? '--pipe' : '--pipe-part'
  if (pipe === true && pipePart === true)
    throw new OptionError('--pipe cuts up stdin and --pipe-part a file; give only one of them')
  const other = hasGroups ? ':::' : nameOf(FOR_ITEMS, words)
  if (other !== undefined)
    throw new OptionError(
      `${other} is about items or tasks, but with ${option} each task reads a block; leave out one of the two`,
    )
  if (pipe === true && argFile.length > 0)
    throw new OptionError('--pipe reads stdin; for a file use --pipe-part -a FILE, or --pipe < FILE')
  if (pipePart === true && (argFile.length !== 1 || argFile[0] === '-'))
    throw new OptionError('--pipe-part needs one file; name it with -a FILE, or use --pipe for stdin')
  if (pipePart === true) fileName('-a', argFile[0]!)
  if (block !== undefined && records !== undefined)
    throw new OptionError('a block has either so many bytes or so many records; give only one of --block and -N')
  if (words.roundRobin === true) checkRoundRobin(words, concurrency)
  return given({
    shell: words.shell,
    file: argFile[0] === undefined ? undefined : { path: argFile[0], name: argFile[0], begin: 0 },
    roundRobin: words.roundRobin === true ? concurrency : undefined,
    blockBytes: block === undefined ? undefined : atLeastOne('--block', parseSize('--block', block)),
    records: records === undefined ? undefined : parseCount('-N', records, 1),
    recordEnd: words.recend === undefined ? undefined : parseEscapes('--recend', words.recend),
    recordStart: words.recstart === undefined ? undefined : parseEscapes('--recstart', words.recstart),
    headerLines:
      words.header === undefined ? undefined : words.header === ':' ? 1 : parseCount('--header', words.header, 1),
    maxRecordBytes:
      words.maxLine === undefined ? undefined : atLeastOne('--max-line', parseSize('--max-line', words.maxLine)),
  })
}

/** What a task has read of a shared stream cannot be read again. */
function checkRoundRobin(words: RunWords, concurrency: number): void {
  if (words.pipePart === true)
    throw new OptionError('--round-robin shares out a stream; use --pipe --round-robin < FILE, or leave it out')
  const again = nameOf({ retries: '--retries', resume: '--resume', retryFailed: '--retry-failed' }, words)
  if (again !== undefined)
    throw new OptionError(
      `${again} runs tasks again, but with --round-robin nobody knows what each has read; leave out one of the two`,
    )
  if (words.dryRun === true)
    throw new OptionError('--dry-run cannot tell which task would take which block; leave out --round-robin')
  if (!Number.isFinite(concurrency))
    throw new OptionError('--round-robin needs a number of tasks; give one with --jobs')
}

function nameOf(names: Partial<Record<keyof RunWords, string>>, words: RunWords): string | undefined {
  return Object.entries(names).find(([key]) => {
    const value = words[key as keyof RunWords]
    return value !== undefined && value !== '0'
  })?.[1]
}

function atLeastOne(option: string, bytes: number): number {
  if (bytes >= 1) return bytes
  throw new OptionError(`${option}: expected a size of at least 1 byte, not ${bytes}`)
}
