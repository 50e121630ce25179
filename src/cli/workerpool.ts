import { readFileSync, writeFileSync } from 'node:fs'
import { runWorkerpool, workerpoolTasks } from '../compat/go-workerpool.js'
import { FdWriter } from '../output/fd-writer.js'
import { describeEnd } from '../process/run.js'
import { InputError, OptionError } from '../task/errors.js'
import { brokenEnding, type Ending } from './exit.js'
import { printErr } from './print.js'
import { type SignalWatch, watchSignals } from './signals.js'
import { parseCount } from './values.js'

/** Options of `drover workerpool` as commander gives them. */
export interface WorkerpoolWords {
  readonly infile?: string
  readonly outfile?: string
  readonly max_threads: string
  readonly verbose?: true
}

/**
 * Does what go-workerpool does.
 *
 * @param given - the tasks, as JSON, unless a file is named.
 * @throws InputError, OptionError before anything was started.
 */
export async function workerpool(given: string | undefined, words: WorkerpoolWords): Promise<Ending> {
  const threads = parseCount('--max_threads', words.max_threads, 1)
  const { infile } = words
  const tasks =
    given !== undefined && infile === undefined
      ? workerpoolTasks(given, 'TASKS')
      : workerpoolTasks(readTasks(infile), infile ?? 'stdin')
  if (words.outfile !== undefined) writeOut(words.outfile, '')
  let brokenBy: NodeJS.ErrnoException | null = null
  const signals: { watch: SignalWatch | null } = { watch: null }
  const stdout = new FdWriter(1, {
    onBroken: (error) => {
      brokenBy = error
    },
  })
  const tell = (line: string) => {
    if (words.verbose === true) void stdout.write(`${line}\n`)
  }
  tell(`${tasks.length} tasks, ${threads} at once`)
  const results = await runWorkerpool(
    tasks,
    threads,
    (run) => {
      signals.watch = watchSignals(run, (message) => printErr(`drover: ${message}\n`))
    },
    (result, identifier) => tell(`${JSON.stringify(identifier)}: ${describeEnd(result)}`),
  )
  if (results.length > 0) {
    const json = `${JSON.stringify(results)}\n`
    if (words.outfile === undefined) await stdout.write(json)
    else writeOut(words.outfile, json)
  }
  await stdout.flush()
  const endedBy = signals.watch?.endedBy ?? null
  return endedBy === null ? (brokenEnding(brokenBy) ?? { status: 0 }) : { signal: endedBy }
}

function readTasks(infile: string | undefined): string {
  try {
    return readFileSync(infile ?? 0, 'utf8')
  } catch (error) {
    throw new InputError({ source: infile ?? 'stdin' }, `cannot be read: ${(error as Error).message}`)
  }
}

function writeOut(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600 })
  } catch (error) {
    throw new OptionError(`--outfile: cannot write ${path}: ${(error as Error).message}`)
  }
}
