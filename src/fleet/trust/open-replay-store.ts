import { Backend } from '../backend.js'
import { postgresConnection, redisClient, redisConnection } from '../connection.js'
import { addressOf, type QueueChoice } from '../open-queue.js'
import { PostgresReplayStore } from './postgres-replay-store.js'
import { RedisReplayStore } from './redis-replay-store.js'
import type { ReplayStore } from './replay-store.js'

/** A store with a connection of its own. */
export interface OpenReplayStore extends ReplayStore {
  /** Ends the connection. */
  close(): Promise<void>
}

/**
 * The store on the server of a queue, with a connection of its own. A server that is away is waited for.
 *
 * @throws (as a rejection) OptionError for an address that is none, QueueError when a package is missing.
 */
export async function openReplayStore(choice: QueueChoice): Promise<OpenReplayStore> {
  const address = addressOf(choice)
  const { queueOptions } = await Backend.load(address)
  if (address.kind === 'postgres') {
    const { Pool } = (await import('pg')).default
    const pool = new Pool(postgresConnection(address))
    // A connection that is lost is replaced by the next question.
    pool.on('error', () => {})
    const store = new PostgresReplayStore(pool, { queue: address.queue, schema: address.schema })
    return withClose(store, () => pool.end())
  }
  const client = await redisClient(redisConnection(address))
  client.on('error', () => {})
  const store = new RedisReplayStore(client, { keyPrefix: `${queueOptions.prefix}:${address.queue}` })
  return withClose(store, async () => client.disconnect())
}

function withClose(store: ReplayStore, close: () => Promise<void>): OpenReplayStore {
  return { has: (...mark) => store.has(...mark), add: (...mark) => store.add(...mark), close }
}
