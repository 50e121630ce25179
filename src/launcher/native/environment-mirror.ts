import { readFileSync } from 'node:fs'

/** What the environment differs in from the one that the launcher was started with. */
export interface EnvironmentChange {
  /** Entries, as in `NAME=value`. */
  readonly set: readonly (string | Uint8Array)[]
  readonly removed: readonly string[]
}

/** Knows the environment that a launcher was started with and notices changes of `process.env` since. */
export class EnvironmentMirror {
  /** The environment to start the launcher with. */
  readonly initial: Readonly<Record<string, string>>
  readonly #raw: ReadonlyMap<string, Uint8Array>
  #names: readonly string[]
  #values: readonly (string | undefined)[]

  constructor() {
    const env = process.env
    this.#names = namesIn(env)
    this.#values = this.#names.map((name) => env[name])
    this.initial = Object.fromEntries(this.#names.map((name, n) => [name, this.#values[n] ?? '']))
    this.#raw = this.#values.some((value) => value?.includes('\uFFFD')) ? rawEntries() : new Map()
  }

  /** What must be told before anything is started, as values that are not UTF-8 can't be handed to a program by Node. */
  firstChange(): EnvironmentChange | null {
    return this.#raw.size === 0 ? null : this.#difference()
  }

  /** The whole difference to the initial environment if something has changed since the last call, else null. */
  change(): EnvironmentChange | null {
    const env = process.env
    const names = namesIn(env)
    if (this.#isSame(names, env)) return null
    this.#names = names
    this.#values = names.map((name) => env[name])
    return this.#difference()
  }

  #isSame(names: readonly string[], env: NodeJS.ProcessEnv): boolean {
    if (names.length !== this.#names.length) return false
    for (let n = 0; n < names.length; n++) {
      const name = names[n]!
      if (name !== this.#names[n] || env[name] !== this.#values[n]) return false
    }
    return true
  }

  #difference(): EnvironmentChange {
    const set: (string | Uint8Array)[] = []
    const now = new Set(this.#names)
    this.#names.forEach((name, n) => {
      const value = this.#values[n] ?? ''
      const raw = this.#raw.get(name)
      if (raw !== undefined && Buffer.from(raw).toString() === `${name}=${value}`) set.push(raw)
      else if (!Object.hasOwn(this.initial, name) || this.initial[name] !== value) set.push(`${name}=${value}`)
    })
    return { set, removed: Object.keys(this.initial).filter((name) => !now.has(name)) }
  }
}

/** Not Object.keys, which asks the system for each variable whether it is there. */
function namesIn(env: NodeJS.ProcessEnv): string[] {
  return Reflect.ownKeys(env) as string[]
}

/** The entries of this process's first environment that are not UTF-8, which `process.env` shows with U+FFFD in them. */
function rawEntries(): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>()
  let environment: Buffer
  try {
    environment = readFileSync('/proc/self/environ')
  } catch {
    return entries
  }
  for (let start = 0; start < environment.length; ) {
    const nul = environment.indexOf(0, start)
    const end = nul === -1 ? environment.length : nul
    const entry = environment.subarray(start, end)
    const name = entry.subarray(0, Math.max(0, entry.indexOf('='))).toString()
    if (name !== '' && entry.toString().includes('\uFFFD')) entries.set(name, entry)
    start = end + 1
  }
  return entries
}
