import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type InlineClient, lookAt } from '../../../src/fleet/private-server/inline-client.js'
import { processesWith } from '../../helpers/processes.js'
import { until } from '../../helpers/until.js'

/** Built before all tests. */
const LIBRARY = new URL('../../../dist/fleet/index.js', import.meta.url).href
const KEEPER = fileURLToPath(new URL('../../../dist/fleet/keeper-main.js', import.meta.url))

/** A folder for one private server, of which nothing is left in the end. */
export class ServerHome {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'drover-ps-')))
  readonly #programs: ChildProcess[] = []

  get socket(): string {
    return join(this.folder, 'server.sock')
  }

  /** The server and those who look after it. */
  get processes(): number[] {
    return processesWith(this.folder)
  }

  /** The server itself, told by the name that it gives itself. */
  get servers(): number[] {
    return this.processes.filter((pid) => /^\S*(?:redis|valkey)-server /.test(commandOf(pid)))
  }

  get keepers(): number[] {
    return this.processes.filter((pid) => commandOf(pid).includes('keeper-main'))
  }

  /** A connection to the server that is there. */
  async client(): Promise<InlineClient> {
    const there = await lookAt(this.socket)
    if (there.state !== 'ready') throw new Error(`the server is ${there.state}`)
    return there.client
  }

  /** The answer to one command. */
  async ask(command: string): Promise<string> {
    const client = await this.client()
    try {
      return await client.ask(command)
    } finally {
      client.close()
    }
  }

  /** A process of its own that asks for the server, says so, and lives on. */
  program(options: object = {}, then = 'setInterval(() => {}, 1000)', env: NodeJS.ProcessEnv = {}): ChildProcess {
    const source = `import { privateServer } from ${JSON.stringify(LIBRARY)}
      const server = await privateServer(${JSON.stringify({ folder: this.folder, ...options })})
      console.log(server.address)
      ${then}`
    return this.#spawn(['--input-type=module', '-e', source], env)
  }

  /** A keeper as such a process starts it. */
  keeper(idleMs: number, env: NodeJS.ProcessEnv): ChildProcess {
    return this.#spawn([KEEPER, this.folder, 'redis-server', String(idleMs)], env)
  }

  #spawn(words: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn(process.execPath, words, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    this.#programs.push(child)
    return child
  }

  async remove(): Promise<void> {
    for (const child of this.#programs) child.kill(child.spawnargs.includes(KEEPER) ? 'SIGTERM' : 'SIGKILL')
    for (const pid of this.keepers) kill(pid, 'SIGTERM')
    await until('the server has ended', () => this.processes.length === 0, 20_000)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It was faster.
  }
}

/** What a program has printed, once it has printed a line. */
export async function firstLine(child: ChildProcess): Promise<string> {
  let printed = ''
  for await (const chunk of child.stdout!) {
    printed += chunk
    if (printed.includes('\n')) break
  }
  return printed.trimEnd()
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
