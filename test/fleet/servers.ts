import type { ClientConfig } from 'pg'

/** The program that the example starts, which finds PostgreSQL wherever Debian has put it, and runs it as another user than root. */
const EXAMPLE = new URL('../../examples/create-users/private-postgres.js', import.meta.url).href

export interface PostgresServer {
  readonly database: ClientConfig
  stop(): Promise<void>
}

/** A PostgreSQL server for one test file. */
export async function startPostgres(): Promise<PostgresServer> {
  const { startPostgres: start } = (await import(EXAMPLE)) as { startPostgres(): Promise<PostgresServer> }
  return start()
}
