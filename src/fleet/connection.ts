import type { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import type { BackendFactory, IQueueBackend } from 'bullmq'
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import type { PoolConfig } from 'pg'
import { OptionError } from '../task/errors.js'
import { type HostPort, type QueueAddress, SSL_FILES, type TlsFiles } from './address.js'

type RedisAddress = Exclude<QueueAddress, { kind: 'postgres' }>
type PostgresAddress = Extract<QueueAddress, { kind: 'postgres' }>

/** How ioredis is told to connect. */
export type RedisConnection = SingleOptions | ClusterConnection

type SingleOptions = Omit<RedisOptions, 'replyMapping'>
interface ClusterConnection {
  readonly hosts: readonly HostPort[]
  readonly options: {
    readonly redisOptions: Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>
    readonly clusterRetryStrategy: (times: number) => number
    readonly slotsRefreshTimeout: number
    readonly lazyConnect: boolean
  }
}

/** How long the first connection may take before the server counts as not there. */
export const CONNECT_MS = 10_000
/** How long a node of a cluster may take to say who has what; on a busy machine the second that is usual is not enough. */
const SLOTS_MS = 5_000
/** The longest pause between two tries to connect again. */
const MOST_RECONNECT_MS = 2_000

const STRICT_SSL_MODES: ReadonlySet<string | null> = new Set(['prefer', 'require', 'verify-ca'])

const DISCONNECTIONS =
  /ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOENT|connection (is closed|close|terminated)|timeout exceeded|sentinels are unreachable|refresh slots cache|startup nodes|cluster redirections|CLUSTERDOWN|LOADING|READONLY|MASTERDOWN|NOREPLICAS/i

/** How long to wait before another try, after so many. */
export function reconnectMs(times: number): number {
  return Math.min(100 * 2 ** Math.min(times, 10), MOST_RECONNECT_MS)
}

/** @throws OptionError for a file that cannot be read. */
export function redisConnection(address: RedisAddress): RedisConnection {
  const tls = address.tls === null ? undefined : tlsOptions(address.tls)
  const common: SingleOptions = {
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    ...(tls !== undefined && { tls }),
    maxRetriesPerRequest: null,
    // A server that is gone without a word is noticed after so long.
    keepAlive: 10_000,
  }
  if (address.kind === 'cluster')
    return {
      hosts: address.hosts,
      options: {
        redisOptions: common,
        clusterRetryStrategy: reconnectMs,
        slotsRefreshTimeout: SLOTS_MS,
        lazyConnect: true,
      },
    }
  const single: SingleOptions = { ...common, db: address.db, retryStrategy: reconnectMs }
  switch (address.kind) {
    case 'redis':
      return { ...single, host: address.host, port: address.port }
    case 'socket':
      return { ...single, path: address.path }
    case 'sentinel':
      return {
        ...single,
        sentinels: [...address.hosts],
        name: address.master,
        sentinelRetryStrategy: reconnectMs,
        // A master that has become a replica refuses to write: the new one is asked for, and told the same.
        reconnectOnError: ({ message }) => (message.startsWith('READONLY') ? 2 : false),
        ...(tls !== undefined && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
      }
  }
}

/** @throws OptionError for a file that cannot be read. */
export function postgresConnection(address: PostgresAddress): PoolConfig {
  const url = new URL(address.url)
  for (const name of SSL_FILES) {
    const file = url.searchParams.get(name)
    if (file !== null) readTlsFile(name, file)
  }
  // What pg 8 takes them for, with a warning that its next release will not, which then would look less closely.
  const isStrict = url.searchParams.get('uselibpqcompat') !== 'true'
  if (isStrict && STRICT_SSL_MODES.has(url.searchParams.get('sslmode'))) url.searchParams.set('sslmode', 'verify-full')
  return {
    connectionString: url.href,
    ...(address.password !== undefined && { password: address.password }),
    max: 4,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
  }
}

/** A client of its own, which connects when it is first used. */
export async function redisClient(connection: RedisConnection): Promise<Redis | Cluster> {
  const { Cluster, Redis } = await import('ioredis')
  return 'hosts' in connection
    ? new Cluster([...connection.hosts], connection.options)
    : new Redis({ ...connection, lazyConnect: true })
}

/**
 * BullMQ makes the clients of a single server by itself, and closes them. Those of a cluster have to be given to it, and it leaves them open:
 * so here each user gets one that ends with it.
 */
export function clusterBackend(
  create: BackendFactory<IQueueBackend, unknown>,
  connect: () => Cluster,
): BackendFactory<IQueueBackend, unknown> {
  return (name, options, parts) => {
    const cluster = connect()
    // Whoever uses it is told of the same.
    cluster.on('error', () => {})
    const backend = create(name, { ...options, connection: cluster }, parts)
    const close = backend.close.bind(backend)
    backend.close = async (isForced) => {
      if (isForced === true) cluster.disconnect()
      try {
        await close(isForced)
      } finally {
        cluster.disconnect()
      }
    }
    return backend
  }
}

type ClientClass = new (...args: unknown[]) => EventEmitter

/** What is used of BullMQ's way to a PostgreSQL server. */
interface PostgresListening {
  readonly pool: { Client: ClientClass }
  pgModule?: { readonly Client: ClientClass }
}

/**
 * Of clients that cannot connect or are being ended nobody listens to their errors: BullMQ takes all listeners from the one that listens,
 * and the pool takes its own. What goes wrong with them then would end the program.
 */
export function postgresBackend(
  create: BackendFactory<IQueueBackend, unknown>,
): BackendFactory<IQueueBackend, unknown> {
  return (name, options, parts) => {
    const backend = create(name, options, parts)
    const { connection } = backend as unknown as { readonly connection: PostgresListening }
    const { pool, pgModule } = connection
    pool.Client = guarded(pool.Client)
    if (pgModule !== undefined) connection.pgModule = { ...pgModule, Client: guarded(pgModule.Client) }
    return backend
  }
}

function guarded(Client: ClientClass): ClientClass {
  return class extends Client {
    constructor(...args: unknown[]) {
      super(...args)
      this.on('error', () => {})
    }

    override removeAllListeners(...args: Parameters<EventEmitter['removeAllListeners']>): this {
      super.removeAllListeners(...args)
      return this.on('error', () => {})
    }
  }
}

/** The server was away, or is on its way up or down; ioredis waits by itself, pg does not. */
export function isDisconnection(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: unknown; message?: string }
  return /^(57P0[123]|08...)$/.test(String(code)) || DISCONNECTIONS.test(`${String(code)} ${message}`)
}

function tlsOptions(files: TlsFiles): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, readTlsFile(name, file)]))
}

function readTlsFile(name: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new OptionError(`queue: ${name}=${file} cannot be read: ${(error as Error).message}`)
  }
}
