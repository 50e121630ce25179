import { OptionError } from '../task/errors.js'
import { check } from './check.js'
import { csvTasks } from './csv-tasks.js'
import type { Entries } from './entries.js'
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
  const read = (ids: TaskIds | null): Entries => {
    const chunks = withoutByteOrderMark(source.chunks())
    if (delimiter === null) return jsonTasks(chunks, { source: source.name, maxLineBytes, ids })
    const compile = (names: ReadonlyMap<string, number>, count: number) => {
      const template = compileCommand(settings, count, names)!
      usesSlot = template.usesSlot
      return template
    }
    return csvTasks(chunks, {
      source: source.name,
      delimiter,
      maxLineBytes,
      ids,
      compile: settings.command.length === 0 ? null : compile,
    })
  }
  try {
    const checked = source.isRegular ? await check(read(new TaskIds())) : null
    // The first row of a stream may show that the command cannot be filled in.
    const entries =
      checked !== null ? read(null) : delimiter === null ? read(new TaskIds()) : await begun(read(new TaskIds()))
    return taskInput({
      entries,
      close: () => source.close(),
      strict: settings.strict,
      total: checked?.total ?? null,
      hasPriorities: checked?.hasPriorities ?? false,
      usesSlot,
    })
  } catch (error) {
    await source.close()
    throw error
  }
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
