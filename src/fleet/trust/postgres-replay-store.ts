import { OptionError } from '../../task/errors.js'
import { MAX_SKEW_MS, type ReplayStore } from './replay-store.js'

/** What is needed of a PostgreSQL client; a `Pool` of pg has it. */
export interface PostgresQuerier {
  /** Runs a statement, with `$1` and so on for values. */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/** Where the marks are. */
export interface PostgresReplayStoreOptions {
  /** The queue that the marks are for. */
  readonly queue: string
  /** The schema for the table, which is created when it is not there. Default: `drover`. */
  readonly schema?: string | undefined
}

/** How often marks that are no longer needed are removed. */
const SWEEP_MS = 10 * 60 * 1000

/** One after the other: two who create the same table at once disturb each other. */
const creationOf = (schema: string) => `
select pg_advisory_xact_lock(hashtext('drover_done'));
create schema if not exists ${schema};
create table if not exists ${schema}.drover_done (
  queue text not null,
  mark bytea not null,
  drop_at timestamptz not null,
  primary key (queue, mark)
);
create index if not exists drover_done_drop_at on ${schema}.drover_done (drop_at);`

/** Marks in a table `drover_done` of a PostgreSQL database, which is created when it is not there. */
export class PostgresReplayStore implements ReplayStore {
  readonly #client: PostgresQuerier
  readonly #queue: string
  readonly #schema: string
  #created: Promise<void> | null = null
  #sweptAtMs = Number.NEGATIVE_INFINITY

  /** @throws OptionError for the name of a schema that would have to be quoted. */
  constructor(client: PostgresQuerier, { queue, schema = 'drover' }: PostgresReplayStoreOptions) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
      throw new OptionError(`schema: expected small letters, digits and _, not ${JSON.stringify(schema)}`)
    this.#client = client
    this.#queue = queue
    this.#schema = schema
  }

  async has(mark: Buffer): Promise<boolean> {
    await this.#create()
    const found = await this.#client.query(`select 1 from ${this.#schema}.drover_done where queue = $1 and mark = $2`, [
      this.#queue,
      mark,
    ])
    return found.rows.length > 0
  }

  async add(mark: Buffer, expiresAtMs: number): Promise<void> {
    await this.#create()
    await this.#client.query(
      `insert into ${this.#schema}.drover_done (queue, mark, drop_at) values ($1, $2, to_timestamp($3)) on conflict do nothing`,
      [this.#queue, mark, (expiresAtMs + MAX_SKEW_MS) / 1000],
    )
    const nowMs = performance.now()
    if (nowMs - this.#sweptAtMs < SWEEP_MS) return
    this.#sweptAtMs = nowMs
    await this.#client.query(`delete from ${this.#schema}.drover_done where drop_at < now()`)
  }

  #create(): Promise<void> {
    this.#created ??= this.#client.query(creationOf(this.#schema)).then(
      () => {},
      (error) => {
        this.#created = null
        throw error
      },
    )
    return this.#created
  }
}
