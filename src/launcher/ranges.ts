import { OptionError } from '../task/errors.js'
import type { ByteRange, StartError } from './port.js'

/** As many parts of a file as one standard input may be. */
export const MOST_RANGES = 64

/** @throws OptionError unless they are parts that a file can have. */
export function checkRanges(ranges: readonly ByteRange[]): void {
  if (ranges.length === 0 || ranges.length > MOST_RANGES)
    throw new OptionError(`stdin.ranges must be 1 to ${MOST_RANGES} parts of a file, not ${ranges.length}`)
  for (const [start, end] of ranges) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start)
      throw new OptionError(
        `stdin.ranges must be whole numbers from 0 on, the end not before the start, not ${start} to ${end}`,
      )
  }
}

export function shortFileError(path: string): StartError {
  const message = `${path} ends before the part of it that was to be read; it has to stay as it is meanwhile`
  return { code: 'ERR_DROVER_STDIN', message }
}
