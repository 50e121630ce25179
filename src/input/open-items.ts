import { InputError } from '../task/errors.js'
import { hasNul, type Item, textItem } from './bytes.js'
import { check } from './check.js'
import { combinations, countCombinations, type Group } from './combinations.js'
import { type BadEntry, type Entries, type Entry, isBad } from './entries.js'
import type { ItemGroup } from './input.js'
import { ItemCount, itemPlace, type NumberedItem, readItems } from './items.js'
import { readAhead } from './read-ahead.js'
import { compileCommand, type Settings } from './settings.js'
import { openSource, type Source, stdinSource } from './source.js'
import { type TaskInput, taskInput } from './task-input.js'
import { TaskMaker } from './task-maker.js'
import type { Template } from './template.js'

const ARGUMENTS = { source: 'arguments' }

/** The items after `:::` and `:::+`. */
export async function openGroups(given: readonly ItemGroup[], settings: Settings): Promise<TaskInput> {
  const { itemsPerTask, command } = settings
  const template = compileCommand(settings, columnLimit(settings, given.length))
  const groups = given.map(({ items, linked }) => ({
    linked,
    items: items.map((text) => argument(text, settings)).filter(([item]) => command.length > 0 || !isBlank(item!)),
  }))
  const narrowest = groups.map(withNarrowest)
  async function* read(of: readonly Group<Item[]>[]): Entries {
    yield made(of)
  }
  function* made(of: readonly Group<Item[]>[]): Generator<Entry> {
    const maker = new TaskMaker(template)
    if (itemsPerTask === 1) for (const row of combinations(of)) yield maker.make(row.flat(), ARGUMENTS)
    else for (const batch of batches(of[0]!.items.flat(), itemsPerTask)) yield maker.make(batch, ARGUMENTS, true)
  }
  await check(read(itemsPerTask === 1 ? narrowest : groups))
  return taskInput({
    entries: read(groups),
    close: async () => {},
    strict: settings.strict,
    total: Math.ceil(countCombinations(groups) / itemsPerTask),
    hasPriorities: false,
    usesSlot: template?.usesSlot ?? false,
  })
}

/** The items of files and streams; several give every combination. */
export async function openItems(paths: readonly string[], settings: Settings): Promise<TaskInput> {
  const template = compileCommand(settings, columnLimit(settings, paths.length))
  const sources: Source[] = []
  const close = async () => {
    for (const source of sources) await source.close()
  }
  try {
    for (const path of paths) sources.push(path === '-' ? stdinSource(settings.stdin) : await openSource(path))
    const [first, ...others] = sources as [Source, ...Source[]]
    const loaded = await Promise.all(others.map((source) => load(source, settings)))
    const groups = loaded.map(({ group }) => group)
    const times = countCombinations(groups)
    const checked = first.isRegular
      ? await check(itemEntries(first, times === 0 ? groups : groups.map(withNarrowest), template, settings))
      : null
    const isKnown = sources.every((source) => source.isRegular)
    const badBefore = loaded.flatMap((one) => one.bad)
    const { source, tasks } = first.isRegular ? { source: first, tasks: null } : counted(first, template, settings)
    return taskInput({
      entries: withBad(badBefore, itemEntries(source, groups, template, settings)),
      close,
      strict: settings.strict,
      total: isKnown && checked !== null ? checked.total * times : null,
      totalAtEnd: () => tasks?.(times, badBefore.length) ?? null,
      hasPriorities: false,
      usesSlot: template?.usesSlot ?? false,
    })
  } catch (error) {
    await close()
    throw error
  }
}

function columnLimit({ hasColumns, itemsPerTask }: Settings, groups: number): number {
  return hasColumns ? Number.POSITIVE_INFINITY : Math.max(groups, itemsPerTask)
}

function argument(text: ItemGroup['items'][number], settings: Settings): Item[] {
  const item = textItem(text)
  if (hasNul(item)) throw new InputError(ARGUMENTS, 'an item has a NUL byte in it, which no argument can have')
  return settings.columns(item)
}

/** For checks: as if there were only the item with the fewest columns. */
function withNarrowest({ items, linked }: Group<Item[]>): Group<Item[]> {
  const narrowest = items.reduce((least, item) => (item.length < least.length ? item : least), items[0] ?? [])
  return { items: items.length === 0 ? [] : [narrowest], linked }
}

function* batches(items: readonly Item[], size: number): Generator<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

/** All groups but the first have to be in memory, for they are gone through again and again. */
async function load(source: Source, settings: Settings): Promise<{ group: Group<Item[]>; bad: BadEntry[] }> {
  const items: Item[][] = []
  const badItems: BadEntry[] = []
  for await (const some of readItems(source, settings.delimiter, settings.maxLineBytes)) {
    for (const read of some) {
      if (!isBad(read)) items.push(settings.columns(read.item))
      else if (source.isRegular || settings.strict) throw read.error
      else badItems.push(read)
    }
  }
  return { group: { items, linked: false }, bad: badItems }
}

async function* itemEntries(
  source: Source,
  others: readonly Group<Item[]>[],
  template: Template | null,
  settings: Settings,
): Entries {
  const { itemsPerTask, columns, delimiter, maxLineBytes } = settings
  const maker = new TaskMaker(template)
  let batch: Item[] = []
  let place = itemPlace(source.name, delimiter, 1)
  function* made(items: Iterable<NumberedItem | BadEntry>): Generator<Entry> {
    for (const read of items) {
      if (isBad(read)) {
        yield maker.skip(read)
        continue
      }
      const { item, number } = read
      if (template === null && isBlank(item)) continue
      if (batch.length === 0) place = itemPlace(source.name, delimiter, number)
      if (itemsPerTask > 1) {
        batch.push(item)
        if (batch.length < itemsPerTask) continue
        yield maker.make(batch, place, true)
        batch = []
      } else if (others.length === 0) yield maker.make(columns(item), place)
      else for (const row of combinations(others)) yield maker.make([columns(item), ...row].flat(), place)
    }
  }
  for await (const items of readItems(source, delimiter, maxLineBytes)) yield made(items)
  if (batch.length > 0) yield [maker.make(batch, place, true)]
}

/** A stream, and how many tasks it makes, from when its end has been read. */
function counted(stream: Source, template: Template | null, settings: Settings) {
  const { delimiter, maxLineBytes, itemsPerTask } = settings
  const count = new ItemCount(
    delimiter,
    maxLineBytes,
    (bytes) => template !== null || !isBlank(bytes.toString('latin1')),
  )
  const source = readAhead(stream, { onChunk: (chunk) => count.push(chunk), onEnd: () => count.end() })
  const tasks = (times: number, badBefore: number): number | null => {
    if (count.whole === null) return null
    const { items, bad } = count.whole
    return Math.ceil((items * times) / itemsPerTask) + bad + badBefore
  }
  return { source, tasks }
}

async function* withBad(before: readonly BadEntry[], entries: Entries): Entries {
  yield before
  yield* entries
}

/** A blank line is no command. */
function isBlank(item: Item): boolean {
  return typeof item === 'string' && /^[ \t\r]*$/.test(item)
}
