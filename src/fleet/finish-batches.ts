import type { TaskWorker } from './backend.js'

/** What is used of BullMQ's way to a Redis server. */
interface ScriptRunner {
  readonly client: Promise<ScriptClient>
  execCommand(client: ScriptClient, name: string, args: unknown[]): Promise<unknown>
}

interface ScriptClient {
  readonly scriptsSet?: Readonly<Record<string, { readonly lua: string } | undefined>>
  defineCommand(name: string, script: { readonly numberOfKeys: number; readonly lua: string }): void
  runCommand(name: string, args: unknown[]): Promise<unknown>
}

interface Waiting {
  readonly args: unknown[]
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** BullMQ's script that records how a job ended, and takes the next one. */
const SCRIPT = 'moveToFinished'
const OWN_SCRIPT = 'droverFinish'
/** Its keys, and what follows them. */
const KEYS = 14
const ARGUMENTS = 9
/** Which arguments differ from job to job: its id, the time, the result, whether to take the next one, and the lock. */
const DIFFERENT = [0, 1, 3, 5, 7] as const
/** The key of the job, of which the id is the end, and what is before that. */
const JOB_KEY = 11
const PREFIX = KEYS + 6
const JOB_ID = KEYS
/** For so many the server does nothing else: some milliseconds. */
const MOST_AT_ONCE = 32

/**
 * Has a worker's jobs that end in the same turn of the event loop recorded, and the next ones taken, by one call of the server instead of one
 * each. What is done for each is BullMQ's own script, as if it were called for one after the other; where BullMQ is not as expected
 * all stays as it is.
 */
export function finishTogether(worker: TaskWorker): void {
  const runner = worker.getBackend() as unknown as Partial<ScriptRunner>
  if (runner.execCommand === undefined || runner.client === undefined) return
  const runAlone = runner.execCommand.bind(runner)
  const batches = new FinishBatches(runAlone)
  runner.execCommand = (client, name, args) =>
    name === SCRIPT ? batches.finish(client, args) : runAlone(client, name, args)
}

class FinishBatches {
  readonly #runAlone: ScriptRunner['execCommand']
  readonly #clients = new WeakMap<ScriptClient, boolean>()
  #waiting: Waiting[] = []

  constructor(runAlone: ScriptRunner['execCommand']) {
    this.#runAlone = runAlone
  }

  finish(client: ScriptClient, args: unknown[]): Promise<unknown> {
    if (!this.#isKnown(client)) return this.#runAlone(client, SCRIPT, args)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ args, resolve, reject })
      // All promises of this turn come first.
      if (this.#waiting.length === 1) process.nextTick(() => this.#send(client))
    })
  }

  /** Whether it has the script for several jobs, which it is given when it has BullMQ's. */
  #isKnown(client: ScriptClient): boolean {
    let isKnown = this.#clients.get(client)
    if (isKnown !== undefined) return isKnown
    const scripts = client.scriptsSet ?? {}
    const name = Object.keys(scripts).find((each) => each.startsWith(`${SCRIPT}:`))
    const lua = name === undefined ? null : scriptForSeveral(scripts[name]!.lua)
    isKnown = lua !== null
    if (lua !== null) client.defineCommand(OWN_SCRIPT, { numberOfKeys: KEYS, lua })
    this.#clients.set(client, isKnown)
    return isKnown
  }

  #send(client: ScriptClient): void {
    const all = this.#waiting
    this.#waiting = []
    for (let place = 0; place < all.length; ) {
      const first = all[place]!
      let end = place + 1
      while (end < all.length && end - place < MOST_AT_ONCE && goWith(first.args, all[end]!.args)) end += 1
      if (end === place + 1) this.#runAlone(client, SCRIPT, first.args).then(first.resolve, first.reject)
      else void this.#sendSeveral(client, all.slice(place, end))
      place = end
    }
  }

  async #sendSeveral(client: ScriptClient, several: readonly Waiting[]): Promise<void> {
    const args = several[0]!.args.slice()
    for (const one of several) for (const place of DIFFERENT) args.push(one.args[KEYS + place])
    try {
      const answers = (await client.runCommand(OWN_SCRIPT, args)) as unknown[]
      for (const [place, { resolve, reject }] of several.entries()) {
        const answer = answers[place]
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      }
    } catch (error) {
      for (const { reject } of several) reject(error)
    }
  }
}

/** Whether both say the same but for what differs from job to job. */
function goWith(one: readonly unknown[], other: readonly unknown[]): boolean {
  for (const args of [one, other])
    if (args.length !== KEYS + ARGUMENTS || args[JOB_KEY] !== `${args[PREFIX]}${args[JOB_ID]}`) return false
  for (let place = 0; place < KEYS; place++) if (place !== JOB_KEY && one[place] !== other[place]) return false
  return [2, 4, 6, 8].every((place) => one[KEYS + place] === other[KEYS + place])
}

/** The line at which what the script does begins; above it there are only functions. */
const BEGINNING = '\nlocal jobIdKey = KEYS[12]\n'

/** BullMQ's script in a function that is called for each of several jobs; null where it is not as it was. */
function scriptForSeveral(lua: string): string | null {
  const place = lua.indexOf(BEGINNING)
  if (place === -1) return null
  const functions = lua.slice(0, place)
  if (/\b(?:KEYS|ARGV)\b/.test(functions.replace(/--\[\[[\s\S]*?\]\]|--.*/g, ''))) return null
  return `${functions}
local function finish(KEYS, ARGV)
${lua.slice(place)}
end
local keys, arguments, answers = {unpack(KEYS)}, {unpack(ARGV, 1, ${ARGUMENTS})}, {}
for place = ${ARGUMENTS + 1}, #ARGV, ${DIFFERENT.length} do
${DIFFERENT.map((argument, index) => `  arguments[${argument + 1}] = ARGV[place + ${index}]`).join('\n')}
  keys[${JOB_KEY + 1}] = arguments[7] .. arguments[1]
  local isDone, answer = pcall(finish, keys, arguments)
  if not isDone then
    answer = {err = type(answer) == 'table' and answer.err or tostring(answer)}
  end
  answers[#answers + 1] = answer or 0
end
return answers
`
}
