import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { OptionError } from '../task/errors.js'
import type { ResultError } from '../task/result.js'
import { plainText, type Task } from '../task/task.js'
import { patternOf } from './clean-environment.js'

/**
 * Lets only some programs be run. They are looked up once, when the worker starts, and started by their whole path, so that a task's own
 * PATH or directory changes nothing; and a task may only set variables that are passed on as well, since many a program can be made to
 * do anything by one.
 */
export class AllowedPrograms {
  readonly #paths = new Map<string, string>()
  readonly #variables: readonly RegExp[]

  /**
   * @param programs - names that are looked up in PATH, or whole paths.
   * @param passEnv - the variables that a task may set.
   * @throws OptionError for a program that is not there.
   */
  constructor(programs: readonly string[], passEnv: readonly string[], path = process.env.PATH ?? '') {
    this.#variables = passEnv.map(patternOf)
    for (const program of programs) {
      const found = isAbsolute(program) ? program : findIn(path, program)
      if (found === null || !isProgram(found))
        throw new OptionError(`allow: there is no program ${program}; name one in PATH, or its whole path`)
      this.#paths.set(program, found)
      this.#paths.set(found, found)
    }
  }

  /** The task as it may be run, or why it may not. A line for the shell is one for `/bin/sh`. */
  check(task: Task): { readonly task: Task } | { readonly error: ResultError } {
    const variable = Object.keys(task.env ?? {}).find((name) => !this.#variables.some((each) => each.test(name)))
    if (variable !== undefined)
      return refused(`this worker lets a task set only variables of its --pass-env, and ${variable} is none`)
    if (task.args === undefined) {
      if (this.#paths.get('/bin/sh') !== undefined || this.#paths.get('sh') !== undefined) return { task }
      return refused('this worker runs no lines for the shell; it has no --allow sh')
    }
    const command = plainText(task.command)
    const path = typeof command === 'string' ? this.#paths.get(command) : undefined
    if (path !== undefined) return { task: { ...task, command: path } }
    return refused('this worker runs only the programs of its --allow, and this is none of them')
  }
}

function refused(message: string): { readonly error: ResultError } {
  return { error: { code: 'ERR_DROVER_NOT_ALLOWED', message } }
}

function findIn(path: string, name: string): string | null {
  if (name.includes('/')) return null
  for (const folder of path.split(delimiter)) {
    if (folder !== '' && isProgram(join(folder, name))) return join(folder, name)
  }
  return null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
