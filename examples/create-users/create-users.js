// Creates users in a PostgreSQL database, with 1, 2, 4 and 8 processes, and tells how long each took, start of processes
// included:
//
//   node examples/create-users/create-users.js [--users 400] [--processes 1,2,4,8] [--repeat 1]
//
// The database is that of DATABASE_URL, or of PGHOST and its like; else a server is started for the purpose. The table `users`
// is created in a schema of its own, which is dropped at the end. With --repeat the best of so many times is told.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { forEach } from '../../dist/index.js'
import { NoPostgres, startPostgres } from './private-postgres.js'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '400' },
    processes: { type: 'string', default: '1,2,4,8' },
    repeat: { type: 'string', default: '1' },
  },
})
const count = Number(values.users)
const module = new URL('./user.js', import.meta.url)

/** Each is made when it is asked for, as rows of a file or of a query are read. */
function* users() {
  for (let n = 1; n <= count; n++) yield { name: `user ${n}`, password: `secret ${n}` }
}

async function connect(database) {
  const client = new Client(database)
  await client.connect()
  return client
}

async function createAll(database, concurrency) {
  let client = await connect(database)
  await client.query('CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE NOT NULL, salt bytea, hash bytea)')
  const run = forEach(users(), module, {
    concurrency,
    env: { DATABASE: JSON.stringify(database) },
    // The connections that there may be are for those who do the work.
    release: () => client.end(),
    reacquire: async () => {
      client = await connect(database)
    },
  })
  const startedMs = performance.now()
  for await (const { item, error } of run) {
    if (error !== null) throw new Error(`${item.name} was not created: ${error.message}`)
  }
  const tookMs = performance.now() - startedMs
  const { rows } = await client.query('SELECT count(*)::int AS there FROM users')
  if (rows[0].there !== count) throw new Error(`${rows[0].there} users are there, not ${count}`)
  await client.query('DROP TABLE users')
  await client.end()
  return tookMs
}

async function main(given) {
  const schema = `create_users_${process.pid}`
  const admin = await connect(given)
  await admin.query(`CREATE SCHEMA ${schema}`)
  try {
    const database = { ...given, options: `-c search_path=${schema}` }
    console.log(`${count} users, ${availableParallelism()} processors\n\nprocesses  seconds  users/s  times as fast`)
    const counts = values.processes.split(',').map(Number)
    const bestMs = counts.map(() => Number.POSITIVE_INFINITY)
    for (let times = 0; times < Number(values.repeat); times++) {
      for (const [n, processes] of counts.entries())
        bestMs[n] = Math.min(bestMs[n], await createAll(database, processes))
    }
    for (const [n, processes] of counts.entries()) {
      const seconds = bestMs[n] / 1_000
      const cells = [processes, seconds.toFixed(2), (count / seconds).toFixed(0), (bestMs[0] / bestMs[n]).toFixed(2)]
      console.log(cells.map((cell, place) => String(cell).padStart([9, 9, 9, 15][place])).join(''))
    }
  } finally {
    await admin.query(`DROP SCHEMA ${schema} CASCADE`)
    await admin.end()
  }
}

/** Of the environment, if it names one. */
function givenDatabase() {
  const { DATABASE_URL, PGHOST } = process.env
  if (DATABASE_URL !== undefined) return { connectionString: DATABASE_URL }
  return PGHOST === undefined ? null : { host: PGHOST }
}

try {
  const given = givenDatabase()
  const server = given === null ? await startPostgres() : null
  try {
    await main(given ?? server.database)
  } finally {
    await server?.stop()
  }
} catch (error) {
  console.error(error instanceof NoPostgres ? error.message : error)
  process.exitCode = 1
}
