import type { Task } from '../task/task.js'
import { type Item, toItem } from './bytes.js'
import { check } from './check.js'
import { type BadEntry, bad, type Entries, type Entry, tooLong } from './entries.js'
import type { InputRequest } from './input.js'
import { itemPlace } from './items.js'
import { LengthSplitter } from './length-splitter.js'
import { type Line, LineSplitter } from './lines.js'
import { openSource, type Source, stdinSource, withoutByteOrderMark } from './source.js'
import { type TaskInput, taskInput } from './task-input.js'

/**
 * How messages stand in a stream: `lines`; `jsonl`, a JSON value a line; `length`, each after its length in bytes as an unsigned
 * number of four bytes, the highest first.
 */
export type MessageForm = 'lines' | 'jsonl' | 'length'

export interface MessagesRequest {
  readonly form: MessageForm
  /** Files, one after the other; `-` is stdin. Default: stdin. */
  readonly files?: readonly string[]
  /** What ends a line, the number of a byte. Default: newline. */
  readonly delimiter?: number
  /** The longest message, in bytes. Default: 64 MiB. */
  readonly maxLineBytes?: number
  /** Whether a bad message of a stream ends the iteration with an InputError. Default: false, it is an InvalidTask. */
  readonly strict?: boolean
  /** What the tasks run whose `stdin` the messages are. */
  readonly command: Pick<Task, 'command' | 'args'>
  readonly stdin: InputRequest['stdin']
}

const MAX_LINE_BYTES = 64 * 1024 * 1024
const NEWLINE = 0x0a

/**
 * Opens messages for the workers of a pool, as tasks. Regular files are read and checked completely before this resolves, and
 * once more when it is iterated; streams are read as they are iterated.
 *
 * @throws InputError for a file that cannot be read or holds a mistake.
 */
export async function openMessages(request: MessagesRequest): Promise<TaskInput> {
  const sources: Source[] = []
  const close = async () => {
    for (const source of sources) await source.close()
  }
  try {
    for (const path of request.files ?? ['-']) {
      sources.push(path === '-' ? stdinSource(request.stdin) : await openSource(path))
    }
    let total: number | null = 0
    for (const source of sources) {
      if (source.isRegular && total !== null) total += (await check(entriesOf(source, request))).total
      else total = null
    }
    return taskInput({
      entries: all(sources, request),
      close,
      strict: request.strict ?? false,
      total,
      hasPriorities: false,
      usesSlot: false,
    })
  } catch (error) {
    await close()
    throw error
  }
}

async function* all(sources: readonly Source[], request: MessagesRequest): Entries {
  for (const source of sources) yield* entriesOf(source, request)
}

async function* entriesOf(source: Source, request: MessagesRequest): Entries {
  const { maxLineBytes = MAX_LINE_BYTES, delimiter = NEWLINE, command } = request
  const read =
    request.form === 'length'
      ? readByLength(source, maxLineBytes)
      : readLines(source, Buffer.from([delimiter]), maxLineBytes, request.form)
  function* tasks(messages: Iterable<Item | BadEntry>): Generator<Entry> {
    for (const message of messages) {
      if (typeof message === 'string' || Buffer.isBuffer(message)) yield { ...command, stdin: message }
      else yield message
    }
  }
  for await (const messages of read) yield tasks(messages)
}

type Messages = AsyncGenerator<Iterable<Item | BadEntry>, void>

async function* readByLength(source: Source, maxBytes: number): Messages {
  const splitter = new LengthSplitter(source.name, maxBytes)
  function* items(messages: Iterable<Buffer | BadEntry>): Generator<Item | BadEntry> {
    for (const message of messages) yield Buffer.isBuffer(message) ? toItem(message) : message
  }
  for await (const chunk of source.chunks()) yield items(splitter.push(chunk))
  yield items(splitter.end())
}

async function* readLines(source: Source, delimiter: Buffer, maxBytes: number, form: 'lines' | 'jsonl'): Messages {
  const splitter = new LineSplitter(delimiter, maxBytes)
  function* items(lines: Iterable<Line>): Generator<Item | BadEntry> {
    for (const { bytes, number } of lines) {
      const place = () => itemPlace(source.name, delimiter, number)
      if (bytes === null) {
        yield bad(place(), tooLong('the message', maxBytes))
        continue
      }
      const text = form === 'jsonl' ? bytes.toString().trim() : null
      if (text === '') continue
      const problem = text === null ? null : jsonProblem(text)
      if (problem === null) yield text ?? toItem(bytes)
      else yield bad(place(), problem)
    }
  }
  for await (const chunk of withoutByteOrderMark(source.chunks())) yield items(splitter.push(chunk))
  yield items(splitter.end())
}

/** What keeps a line from being a value; null when it is one. */
function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    return `expected a JSON value on each line: ${(error as Error).message}`
  }
}
