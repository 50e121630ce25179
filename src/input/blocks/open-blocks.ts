import { OptionError } from '../../task/errors.js'
import type { Task, Text } from '../../task/task.js'
import { byteString, fromByteString, hasNul, textItem } from '../bytes.js'
import type { Entries } from '../entries.js'
import { needsSlot } from '../slot.js'
import { stdinSource } from '../source.js'
import { type TaskInput, taskInput } from '../task-input.js'
import { type BlockOptions, type CheckedBlockOptions, checkBlockOptions } from './block-options.js'
import { cutBlocks } from './blocks.js'
import { blocksOf } from './file-blocks.js'
import { OpenFile } from './open-file.js'
import { PipeBlocks, type PipeInput } from './pipe-blocks.js'
import { readAhead } from './read-ahead.js'
import { SharedBlocks } from './shared-blocks.js'

/** A stream or a file that is cut into blocks, each the standard input of a task that runs the command. */
export interface BlockRequest extends BlockOptions {
  /** One word is a line for /bin/sh, several are a program and its arguments. `{#}` and `{%}` are filled in. */
  readonly command: readonly Text[]
  /** Joins several words with spaces into one line for /bin/sh. Default: false. */
  readonly shell?: boolean
  /** A file that is read by its tasks, several at once, from a place on; else it is `stdin`. */
  readonly file?: { readonly path: string; readonly name: string; readonly begin: number } | undefined
  /** So many tasks at the most, which take block after block. Default: a task for each block. */
  readonly roundRobin?: number | undefined
  /** Whether {@link BlockInput.release} will be called for tasks that are done. Default: false. */
  readonly releases?: boolean | undefined
  readonly stdin: NodeJS.ReadableStream | AsyncIterable<Buffer> | PipeInput
}

/** Tasks that read blocks. */
export interface BlockInput extends TaskInput {
  /**
   * The task at this place is done.
   *
   * @param isUnread - whether nothing reads what it was given, nor ever will: others may be given the same memory.
   */
  release(index: number, isUnread: boolean): void
}

/**
 * Opens the tasks that read blocks.
 *
 * @throws OptionError for what cannot be used; InputError for a file that cannot be read.
 */
export async function openBlocks(request: BlockRequest): Promise<BlockInput> {
  const { command, usesSlot } = new BlockCommand(request.command, request.shell ?? false)
  const { file, roundRobin, stdin } = request
  const options = checkBlockOptions(request, file === undefined)
  let entries: Entries
  let close = async () => {}
  let release: BlockInput['release'] = () => {}
  if (file !== undefined) {
    const opened = await OpenFile.open(file.path, file.name, file.begin)
    close = () => opened.close()
    entries = tasksOf(blocksOf(file.path, opened, options), command)
  } else {
    const read = 'pipeFd' in stdin ? pipeBlocks(stdin, options) : streamBlocks(stdin, options)
    close = read.close
    const blocks = readAhead(read.blocks)
    const lent = request.releases === true && roundRobin === undefined ? new LentBlocks(read.reuse) : null
    if (lent !== null) release = (index, isUnread) => lent.giveBack(index, isUnread)
    entries =
      roundRobin === undefined
        ? tasksOf(blocks, command, (bytes, number) => {
            lent?.lend(number - 1, bytes)
            return { stdin: bytes }
          })
        : tasksOf(new SharedBlocks(blocks, NAME).streams(roundRobin), command, (stream) => ({ stdin: stream }))
  }
  const input = taskInput({ entries, close, strict: true, total: null, hasPriorities: false, usesSlot })
  return { ...input, release }
}

const NAME = 'stdin'

function streamBlocks(stdin: NodeJS.ReadableStream | AsyncIterable<Buffer>, options: CheckedBlockOptions) {
  const source = stdinSource(stdin, NAME)
  return { blocks: cutBlocks(source.chunks(), options, NAME), close: () => source.close(), reuse() {} }
}

function pipeBlocks(input: PipeInput, options: CheckedBlockOptions) {
  const pipe = new PipeBlocks(input, options, NAME)
  return { blocks: pipe.blocks(), close: async () => pipe.close(), reuse: (block: Buffer) => pipe.reuse(block) }
}

/** The blocks that tasks have, by the places of the tasks. */
class LentBlocks {
  readonly #reuse: (block: Buffer) => void
  readonly #lent = new Map<number, Buffer>()

  constructor(reuse: (block: Buffer) => void) {
    this.#reuse = reuse
  }

  lend(index: number, block: Buffer): void {
    this.#lent.set(index, block)
  }

  giveBack(index: number, isUnread: boolean): void {
    const block = this.#lent.get(index)
    this.#lent.delete(index)
    if (block !== undefined && isUnread) this.#reuse(block)
  }
}

type Input = Pick<Task, 'stdin' | 'stdinFile' | 'stdinRanges'>

async function* tasksOf<Block>(
  blocks: AsyncIterable<Block>,
  command: (number: number, input: Input) => Task,
  inputOf: (block: Block, number: number) => Input = (block) => block as Input,
): Entries {
  let number = 0
  for await (const block of blocks) {
    number += 1
    yield [command(number, inputOf(block, number))]
  }
}

const NUMBER = /(?<!\$)\{#\}/g
const SLOT = /(?<!\$)\{%\}/g

/** There are no items, so that nothing but numbers is filled in, and those need no quotes. */
class BlockCommand {
  readonly usesSlot: boolean
  readonly #words: readonly string[]
  readonly #isLine: boolean

  constructor(words: readonly Text[], shell: boolean) {
    const items = words.map(textItem)
    if (items.length === 0 || items[0]!.length === 0)
      throw new OptionError('--pipe needs a COMMAND, which reads the blocks from its standard input')
    if (items.some(hasNul)) throw new OptionError('the command has a NUL character in it; no program can be given one')
    const texts = items.map(byteString)
    this.#isLine = shell || texts.length === 1
    this.#words = this.#isLine ? [texts.join(' ')] : texts
    this.usesSlot = this.#words.some((word) => word.search(SLOT) >= 0)
  }

  /** The task of a block. */
  readonly command = (number: number, input: Input): Task => {
    const task = { ...this.#filled(number, null), ...input }
    return this.usesSlot ? needsSlot(task, (slot) => this.#filled(number, slot)) : task
  }

  #filled(number: number, slot: number | null) {
    const [command, ...args] = this.#words.map((word) => {
      const numbered = word.replaceAll(NUMBER, String(number))
      return fromByteString(slot === null ? numbered : numbered.replaceAll(SLOT, String(slot)))
    })
    return this.#isLine ? { command: command! } : { command: command!, args }
  }
}
