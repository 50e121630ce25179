// A PostgreSQL server for this program alone: on a socket in a folder that is removed afterwards.
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Client } from 'pg'
import { Process, run } from '../../dist/index.js'

const DEBIAN = '/usr/lib/postgresql'
/** It refuses to run as root. */
const USERS = ['postgres', 'nobody']

export class NoPostgres extends Error {}

/** @returns how to connect to it, and what ends it. @throws NoPostgres where there is none. */
export async function startPostgres() {
  const [initdb, postgres] = [findProgram('initdb'), findProgram('postgres')]
  if (initdb === null || postgres === null) {
    throw new NoPostgres('there is no PostgreSQL here; install it with: apt-get install -y postgresql')
  }
  const folder = mkdtempSync(join(tmpdir(), 'create-users-'))
  try {
    const as = await otherUser(folder)
    const data = join(folder, 'data')
    await runAs(as, initdb, ['-D', data, '-U', 'postgres', '--auth', 'trust', '-E', 'UTF8', '--locale', 'C'], folder)
    const words = [...as, postgres, '-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=30']
    // It ends with this program, however that ends.
    const server = new Process(words[0], words.slice(1), { name: 'postgres', cwd: folder })
    server.start()
    const database = { host: folder, user: 'postgres', database: 'postgres' }
    await connects(database, server)
    return {
      database,
      async stop() {
        await server.kill()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function findProgram(name) {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...process.env.PATH.split(delimiter), ...versions.map((version) => join(DEBIAN, version, 'bin'))]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** The words that have a program run as somebody else, who owns the folder then; none unless this is root. */
async function otherUser(folder) {
  if (process.getuid() !== 0) return []
  for (const name of USERS) {
    const { state, stdout } = await run('id', ['-u', name], { reject: false })
    if (state !== 'succeeded') continue
    const uid = Number(stdout)
    const gid = Number((await run('id', ['-g', name])).stdout)
    chownSync(folder, uid, gid)
    return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  }
  throw new NoPostgres(`PostgreSQL refuses to run as root, and there is no user ${USERS.join(' or ')}`)
}

async function runAs(as, program, args, cwd) {
  const [first, ...rest] = [...as, program, ...args]
  await run(first, rest, { cwd })
}

/** Resolves when it takes connections. */
async function connects(database, server) {
  for (;;) {
    const client = new Client(database)
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      await client.end().catch(() => {})
      const ended = await Promise.race([server.result, new Promise((resolve) => setTimeout(resolve, 50))])
      if (ended !== undefined) throw new Error(`PostgreSQL did not start: ${ended.stderr}`, { cause: error })
    }
  }
}
