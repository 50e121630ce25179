import { OptionError } from '../task/errors.js'
import { check } from './check.js'
import { csvTasks } from './csv-tasks.js'
import { bad, type Entries, type Entry, isBad } from './entries.js'
import { jsonTasks } from './json-tasks.js'
import { compileCommand, type Settings } from './settings.js'
import { openSource, stdinSource, withoutByteOrderMark } from './source.js'
import { TaskIds } from './task-ids.js'
import { type TaskInput, taskInput } from './task-input.js'

/** Opens `--tasks FILE`. */
export async function openTasks(path: string, settings: Settings): Promise<TaskInput> {
  const delimiter = /\.csv$/i.test(path) ? ',' : /\.tsv$/i.test(path) ? '\t' : null
  if (delimiter === null && settings.command.length > 0) {
    throw new OptionError(
      'tasks from JSON say themselves what to run; leave out the COMMAND, or give items with -a, ::: or from stdin',
    )
  }
  const source = path === '-' ? stdinSource(settings.stdin) : await openSource(path)
  const { maxLineBytes } = settings
  let usesSlot = false
  const checked = (entries: Entries) =>
    settings.checkTask === undefined ? entries : withBadTasks(entries, settings.checkTask, source.name)
  const read = (ids: TaskIds | null): Entries => {
    const chunks = withoutByteOrderMark(source.chunks())
    if (delimiter === null) return checked(jsonTasks(chunks, { source: source.name, maxLineBytes, ids }))
    const compile = (names: ReadonlyMap<string, number>, count: number) => {
      const template = compileCommand(settings, count, names)!
      usesSlot = template.usesSlot
      return template
    }
    const compileOrNot = settings.command.length === 0 ? null : compile
    return checked(csvTasks(chunks, { source: source.name, delimiter, maxLineBytes, ids, compile: compileOrNot }))
  }
  try {
    const found = source.isRegular ? await check(read(new TaskIds())) : null
    // The first row of a stream may show that the command cannot be filled in.
    const entries =
      found !== null ? read(null) : delimiter === null ? read(new TaskIds()) : await begun(read(new TaskIds()))
    return taskInput({
      entries,
      close: () => source.close(),
      strict: settings.strict,
      total: found?.total ?? null,
      hasPriorities: found?.hasPriorities ?? false,
      usesSlot,
    })
  } catch (error) {
    await source.close()
    throw error
  }
}

/** Tasks that are found wrong become bad entries. */
async function* withBadTasks(entries: Entries, problemOf: NonNullable<Settings['checkTask']>, source: string): Entries {
  function* checked(some: Iterable<Entry>): Generator<Entry> {
    for (const entry of some) {
      const problem = isBad(entry) ? null : problemOf(entry)
      if (isBad(entry) || problem === null) yield entry
      else yield { ...bad({ source, field: 'id' }, problem), ...(entry.id !== undefined && { id: entry.id }) }
    }
  }
  for await (const some of entries) yield checked(some)
}

async function begun(entries: Entries): Promise<Entries> {
  const first = await entries.next()
  async function* rest(): Entries {
    if (first.done) return
    yield first.value
    yield* entries
  }
  return rest()
}
