import { MAX_SKEW_MS, type ReplayStore } from './replay-store.js'

/** What is needed of a Redis client; ioredis has it, for a single server as for a cluster. */
export interface RedisCaller {
  /** Sends a command. */
  call(command: string, ...words: (string | number | Buffer)[]): Promise<unknown>
}

/** Where the marks are. */
export interface RedisReplayStoreOptions {
  /** What all keys begin with. In a cluster it has to hold a `{tag}`. As in `bull:jobs`. */
  readonly keyPrefix: string
}

/** How much time one set of marks covers. */
const BUCKET_MS = 60 * 60 * 1000

/**
 * Marks on a Redis server: one set for all that expire within the same hour, which the server drops as a whole when they have. A mark
 * takes about 75 bytes there.
 */
export class RedisReplayStore implements ReplayStore {
  readonly #client: RedisCaller
  readonly #prefix: string

  constructor(client: RedisCaller, { keyPrefix }: RedisReplayStoreOptions) {
    this.#client = client
    this.#prefix = keyPrefix
  }

  async has(mark: Buffer, expiresAtMs: number): Promise<boolean> {
    return (await this.#client.call('SISMEMBER', this.#keyOf(expiresAtMs), mark)) === 1
  }

  async add(mark: Buffer, expiresAtMs: number): Promise<void> {
    const key = this.#keyOf(expiresAtMs)
    const dropAtMs = (Math.floor(expiresAtMs / BUCKET_MS) + 1) * BUCKET_MS + MAX_SKEW_MS
    // Sent together, and carried out in this order.
    await Promise.all([this.#client.call('SADD', key, mark), this.#client.call('PEXPIREAT', key, dropAtMs)])
  }

  #keyOf(expiresAtMs: number): string {
    return `${this.#prefix}:drover:done:${Math.floor(expiresAtMs / BUCKET_MS)}`
  }
}
