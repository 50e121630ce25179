import { OptionError } from '../../task/errors.js'
import { Borders, type RecordOptions } from './borders.js'

/** How a stream or a file is cut into blocks. No record is ever cut. */
export interface BlockOptions extends RecordOptions {
  /**
   * A block ends at the last border at which it is no longer than this; a record that is longer is a block by itself. The header does not
   * count. Default: 1 MiB.
   */
  readonly blockBytes?: number | undefined
  /** So many records in each block, whatever their size, in place of `blockBytes`. */
  readonly records?: number | undefined
  /** So many lines at the beginning come in front of each block, and are no records. Default: 0. */
  readonly headerLines?: number | undefined
  /**
   * How much longer than `blockBytes` a block that is read into memory may become, and how long one of `records` records.
   * Default: 64 MiB.
   */
  readonly maxRecordBytes?: number | undefined
}

export interface CheckedBlockOptions {
  readonly borders: Borders
  readonly blockBytes: number
  readonly records: number | null
  readonly headerLines: number
  readonly maxRecordBytes: number
}

const BLOCK_BYTES = 1024 * 1024
const MAX_RECORD_BYTES = 64 * 1024 * 1024
/** What is held in memory in one piece. */
const MOST_BYTES = 1024 * 1024 * 1024

/**
 * @param inMemory - whether each block is held in memory, which sets a limit.
 * @throws OptionError that names the option and what was expected.
 */
export function checkBlockOptions(options: BlockOptions, inMemory: boolean): CheckedBlockOptions {
  const { blockBytes, records, headerLines = 0, maxRecordBytes = MAX_RECORD_BYTES } = options
  if (blockBytes !== undefined && records !== undefined)
    throw new OptionError(
      'a block has either so many bytes or so many records; give only one of blockBytes and records',
    )
  const most = inMemory ? MOST_BYTES : Number.MAX_SAFE_INTEGER
  return {
    borders: new Borders(options),
    blockBytes: whole('blockBytes', blockBytes ?? BLOCK_BYTES, 1, most),
    records: records === undefined ? null : whole('records', records, 1, Number.MAX_SAFE_INTEGER),
    headerLines: whole('headerLines', headerLines, 0, Number.MAX_SAFE_INTEGER),
    maxRecordBytes: whole('maxRecordBytes', maxRecordBytes, 1, MOST_BYTES),
  }
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new OptionError(`${name}: expected a whole number from ${least} to ${most}, not ${String(value)}`)
}
