import { OptionError } from '../../task/errors.js'
import { stdinSource } from '../source.js'
import { BlockCutter } from './block-cutter.js'
import { type BlockOptions, type CheckedBlockOptions, checkBlockOptions } from './block-options.js'
import { readAhead } from './read-ahead.js'

/** What {@link blocks} cuts: a stream, or an (async) iterable of bytes or strings. */
export type BlockSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/**
 * Cuts a stream into blocks at the borders of records, each for the `stdin` of a task. All blocks together, in order and without
 * their headers, are the bytes of the stream. One block is read ahead; memory holds that one, and those that are in use.
 *
 * @example
 * const tasks = async function* () {
 *   for await (const stdin of blocks(createReadStream('big.log'))) yield { command: 'wc -l', stdin }
 * }
 * @throws OptionError for an option that cannot be used; InputError (as a rejection) for a record that is too long.
 */
export function blocks(source: BlockSource, options: BlockOptions = {}): AsyncGenerator<Buffer, void> {
  const checked = checkBlockOptions(options, true)
  if (typeof source !== 'object' || source === null)
    throw new OptionError(`blocks: expected a stream or another iterable of bytes, not ${String(source)}`)
  const stream = stdinSource(source as AsyncIterable<Buffer>, 'the stream')
  return readAhead(cutBlocks(stream.chunks(), checked, stream.name))
}

/** The same for chunks from a source that has a name. */
export async function* cutBlocks(
  chunks: AsyncIterable<Buffer>,
  options: CheckedBlockOptions,
  source: string,
): AsyncGenerator<Buffer, void> {
  const cutter = new BlockCutter(options, source, joined)
  for await (const chunk of chunks) yield* cutter.push(chunk)
  yield* cutter.end()
}

/** A block as bytes that are its own. */
export function joined(header: Buffer, block: Buffer, isOwn: boolean): Buffer {
  if (isOwn && header.length === 0) return block
  const bytes = Buffer.allocUnsafeSlow(header.length + block.length)
  header.copy(bytes)
  block.copy(bytes, header.length)
  return bytes
}
