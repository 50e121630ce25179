import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { mortal } from '../helpers/mortal.js'
import { until } from '../helpers/until.js'

/** A server that tests may stop, and start again with what it had. */
export interface TestServer {
  readonly kind: 'Redis' | 'PostgreSQL'
  /** Its address, for a queue of this name. */
  address(queue: string): string
  /** @param signal - how it is ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
  start(): Promise<void>
  /** Ends it and removes what it has kept. */
  remove(): Promise<void>
}

export const SERVERS = { Redis: startRedis, PostgreSQL: startPostgres } as const

/** `DROVER_TEST_REDIS` is the address of one to be used instead, which is never stopped. */
export async function startRedis(): Promise<TestServer> {
  const given = process.env.DROVER_TEST_REDIS
  if (given !== undefined) return givenServer('Redis', given)
  const program = await programOf(['redis-server', 'valkey-server'], 'redis-server')
  const folder = mkdtempSync(join(tmpdir(), 'drover-redis-'))
  const port = await freePort()
  const words = ['--port', String(port), '--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', folder]
  const server = new Restartable(
    [program, ...words, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    async () => {
      const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
      redis.on('error', () => {})
      try {
        await redis.connect()
        return (await redis.ping()) === 'PONG'
      } catch {
        return false
      } finally {
        redis.disconnect()
      }
    },
    folder,
  )
  await server.start()
  return {
    kind: 'Redis',
    address: (queue) => `redis://127.0.0.1:${port}?queue=${queue}`,
    start: () => server.start(),
    stop: (signal = 'SIGTERM') => server.stop(signal),
    remove: () => server.remove(),
  }
}

/** `DROVER_TEST_POSTGRES` is the address of one to be used instead, which is never stopped. */
export async function startPostgres(): Promise<TestServer> {
  const given = process.env.DROVER_TEST_POSTGRES
  return given === undefined ? startOwnPostgres() : givenServer('PostgreSQL', given)
}

/** What a PostgreSQL server speaks TLS with. */
interface PostgresTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Who may come, and how: the lines of `pg_hba.conf`. */
  readonly access: readonly string[]
}

/** @param tls - default: it speaks none, and everybody may come. */
export async function startOwnPostgres(tls?: PostgresTls): Promise<TestServer> {
  const initdb = await programOf(['initdb'], 'postgresql')
  const folder = mkdtempSync(join(tmpdir(), 'drover-postgres-'))
  const user = otherUser(folder)
  const as = user?.words ?? []
  const data = join(folder, 'data')
  const port = await freePort()
  const create = ['-D', data, '-U', 'postgres', '--auth', 'trust', '-E', 'UTF8', '--locale', 'C']
  const [first, ...rest] = [...as, initdb, ...create]
  execFileSync(first!, rest, { cwd: folder, stdio: 'ignore' })
  const options: Record<string, string | number> = {
    listen_addresses: '127.0.0.1,127.0.0.2',
    port,
    unix_socket_directories: folder,
    max_connections: 100,
  }
  if (tls !== undefined) {
    for (const name of ['ca', 'cert', 'key'] as const) {
      const own = join(folder, `${name}.pem`)
      copyFileSync(tls[name], own)
      chmodSync(own, 0o600)
      if (user !== null) chownSync(own, user.uid, user.gid)
      options[`ssl_${name}_file`] = own
    }
    options.ssl = 'on'
    writeFileSync(join(data, 'pg_hba.conf'), ['local all all trust', ...tls.access, ''].join('\n'))
  }
  const words = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = new Restartable(
    [...as, join(initdb, '../postgres'), '-D', data, ...words],
    async () => {
      const client = new Client({ host: folder, port, user: 'postgres', database: 'postgres' })
      client.on('error', () => {})
      try {
        await client.connect()
        await client.end()
        return true
      } catch {
        return false
      }
    },
    folder,
  )
  await server.start()
  return {
    kind: 'PostgreSQL',
    address: (queue) => `postgres://postgres@127.0.0.1:${port}/postgres?queue=${queue}`,
    start: () => server.start(),
    // SIGINT is its fast shutdown.
    stop: (signal = 'SIGINT') => server.stop(signal),
    remove: () => server.remove(),
  }
}

function givenServer(kind: TestServer['kind'], address: string): TestServer {
  const nothing = async () => {}
  const cannot = async () => {
    throw new Error(`${kind} at the address from the environment is not to be stopped; unset it to run this test`)
  }
  const withQueue = (queue: string) => `${address}${address.includes('?') ? '&' : '?'}queue=${queue}`
  return { kind, address: withQueue, start: cannot, stop: cannot, remove: nothing }
}

/** A server's program and words, which ends with this process. */
export class Restartable {
  readonly #words: readonly string[]
  readonly #answers: () => Promise<boolean>
  readonly #folder: string
  #process: ChildProcess | null = null
  #said = ''

  constructor(words: readonly string[], answers: () => Promise<boolean>, folder: string) {
    this.#words = words
    this.#answers = answers
    this.#folder = folder
  }

  async start(): Promise<void> {
    // In which PostgreSQL ends its own processes, too.
    const [program, ...args] = mortal(this.#words, 'QUIT')
    const server = spawn(program!, args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = server
    for (const stream of [server.stdout, server.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#said = `${this.#said}${chunk}`.slice(-2_000)
      })
    await until(`${program} answers; it said: ${this.#said}`, async () => {
      if (server.exitCode !== null) throw new Error(`${this.#words.join(' ')} did not start: ${this.#said}`)
      return this.#answers()
    })
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process
    if (server === null || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill(signal)
    await ended
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The program, which is installed when it is missing and that is possible. */
export async function programOf(names: readonly string[], debianPackage: string): Promise<string> {
  const found = () => names.map(findProgram).find((path) => path !== null)
  let path = found()
  if (path == null && process.getuid?.() === 0 && findProgram('apt-get') !== null) {
    execFileSync('apt-get', ['install', '-y', '-qq', debianPackage], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: 'ignore',
    })
    path = found()
  }
  if (path != null) return path
  throw new Error(`there is no ${names.join(' and no ')} here; install it with: apt-get install -y ${debianPackage}`)
}

const DEBIAN = '/usr/lib/postgresql'

function findProgram(name: string): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
  ]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** PostgreSQL refuses to run as root: the words that have it run as somebody else, who then owns the folder; null where it is not needed. */
function otherUser(folder: string): { readonly words: string[]; readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (what: string) => Number(execFileSync('id', [what, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      const [uid, gid] = [id('-u'), id('-g')]
      chownSync(folder, uid, gid)
      return { words: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'], uid, gid }
    } catch {
      // There is no such user; the next one may be there.
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody')
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
