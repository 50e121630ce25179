import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { IdleClock } from '../../../src/fleet/private-server/idle-clock.js'
import { type PrivateServer, privateServer } from '../../../src/fleet/private-server/index.js'
import { defaultServerFolder } from '../../../src/fleet/private-server/server-folder.js'
import { findServerProgram, installAdvice } from '../../../src/fleet/private-server/server-program.js'
import { DroverError } from '../../../src/task/errors.js'
import { isAlive } from '../../helpers/processes.js'
import { until } from '../../helpers/until.js'
import { firstLine, kill, ServerHome } from './support.js'

let home: ServerHome
const held: PrivateServer[] = []

beforeEach(() => {
  home = new ServerHome()
})
afterEach(async () => {
  for (const server of held.splice(0)) await server.close()
  await home.remove()
})

async function server(options: Parameters<typeof privateServer>[0] = {}): Promise<PrivateServer> {
  const given = await privateServer({ folder: home.folder, ...options })
  held.push(given)
  return given
}

const mode = (path: string) => (lstatSync(path).mode & 0o777).toString(8)

describe('a private server', () => {
  it('is reached through a socket only, by this user only, and keeps everything in a file', async () => {
    const { address, socketPath } = await server()
    expect(socketPath).toBe(join(home.folder, 'server.sock'))
    expect(address).toBe(`redis+socket://${socketPath}`)
    expect(await home.ask('CONFIG GET port')).toBe('2')
    const [pid] = home.servers
    // In its own network namespace's tables it is nowhere.
    expect(listenersOf(pid!)).toBe(0)
    expect(await home.ask('INFO persistence')).toContain('aof_enabled:1')
    expect(await home.ask('INFO memory')).toContain('maxmemory_policy:noeviction')
    expect([mode(home.folder), mode(socketPath)]).toEqual(['700', '600'])
    expect(await home.ask('SET a 1')).toBe('OK')
    expect(readFileSync(join(home.folder, 'data/appendonlydir/appendonly.aof.1.incr.aof'), 'latin1')).toContain('SET')
  })

  it('is started once, however many processes ask at the same moment', async () => {
    const programs = Array.from({ length: 8 }, () => home.program())
    const addresses = await Promise.all(programs.map(firstLine))
    expect(new Set(addresses)).toEqual(new Set([`redis+socket://${home.socket}`]))
    expect(home.servers).toHaveLength(1)
    expect(home.keepers).toHaveLength(1)
    expect(await home.ask('INFO server')).toMatch(/uptime_in_seconds/)
    const log = readFileSync(join(home.folder, 'server.log'), 'utf8')
    expect(log.match(/ready to accept connections/gi)).toHaveLength(1)
  })

  it('outlives whoever started it', async () => {
    const program = home.program()
    await firstLine(program)
    const [pid] = home.servers
    program.kill('SIGKILL')
    await once(program, 'exit')
    expect(await home.ask('PING')).toBe('PONG')
    expect(home.servers).toEqual([pid])
    // Not in its session either.
    expect(sessionOf(pid!)).not.toBe(sessionOf(process.pid))
  })

  it('lets a process end that uses it', async () => {
    const program = home.program({}, '')
    expect(await firstLine(program)).toBe(`redis+socket://${home.socket}`)
    if (program.exitCode === null) await once(program, 'exit')
    expect(program.exitCode).toBe(0)
  })

  it('has everything again after all of it was killed, as by a reboot', async () => {
    const program = home.program()
    await firstLine(program)
    await home.ask('SET a kept')
    program.kill('SIGKILL')
    await once(program, 'exit')
    for (const pid of [...home.keepers, ...home.servers]) kill(pid, 'SIGKILL')
    await until('all have ended', () => home.processes.length === 0)
    // Its socket is still there, and nobody listens.
    expect(existsSync(home.socket)).toBe(true)
    await server()
    expect(await home.ask('GET a')).toBe('kept')
  })

  it('is started again by those who use it when it dies, or who looks after it', async () => {
    await server()
    await home.ask('SET a kept')
    for (const victims of [() => home.servers, () => home.keepers]) {
      const [pid] = victims()
      kill(pid!, 'SIGKILL')
      await until('it has died', () => !isAlive(pid!))
      await until('there is one again', () =>
        home.ask('GET a').then(
          (a) => a === 'kept',
          () => false,
        ),
      )
      await until('there is one of each', () => home.servers.length === 1 && home.keepers.length === 1)
    }
  })

  it('loses nothing that it has confirmed, however often it dies', async () => {
    await server()
    let confirmed = 0
    for (let deaths = 0; deaths < 5; deaths++) {
      const [pid] = home.servers
      const client = await home.client()
      const until20More = confirmed + 20
      while (confirmed < until20More) confirmed = Number(await client.ask('INCR counter'))
      // While another is on its way.
      client.ask('INCR counter').catch(() => {})
      kill(pid!, 'SIGKILL')
      await client.closed
      await until('there is one again', () =>
        home.client().then(
          (next) => next.close() ?? true,
          () => false,
        ),
      )
      const kept = Number(await home.ask('GET counter'))
      expect([confirmed, confirmed + 1]).toContain(kept)
      confirmed = kept
    }
  })

  it('what it has written is given to the disk within a moment', async () => {
    await server()
    const [keeper] = home.keepers
    const trace = spawn('strace', ['-f', '-e', 'trace=fdatasync', '-p', String(keeper)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let traced = ''
    trace.stderr.on('data', (chunk) => {
      traced += chunk
    })
    await until('it is watched', () => traced.includes('attached'))
    const syncs = () => traced.match(/fdatasync\(\d+/g)?.length ?? 0
    await until('what came before is on the disk', () => syncs() > 0)
    const before = syncs()
    await home.ask('SET a 1')
    await until('this is', () => syncs() > before)
    trace.kill()
    await once(trace, 'exit')
  })

  it('is there when it has read its data, however long that takes', async () => {
    await (await server()).close()
    // In parts, each of which it answers in time.
    for (let part = 0; part < 20; part++) {
      const fill = `for n = 1, 15000 do redis.call('SET', ARGV[1] .. n, string.rep('x', 100)) end return 1`
      expect(await home.ask(`EVAL "${fill}" 0 key${part}-`)).toBe('1')
    }
    for (const pid of home.servers) kill(pid, 'SIGKILL')
    await until('all have ended', () => home.processes.length === 0)
    await server()
    expect(await home.ask('DBSIZE')).toBe('300000')
  })

  it('is not started again when nobody uses it any more', async () => {
    const first = await server()
    await first.close()
    kill(home.servers[0]!, 'SIGKILL')
    await until('all have ended', () => home.processes.length === 0)
    expect(await home.ask('PING').catch((error: Error) => error.message)).toBe('the server is none')
  })

  it('takes the place of a socket that nobody listens to, or that is none', async () => {
    const listener = createServer().listen(home.socket)
    await once(listener, 'listening')
    // As a server leaves it that was killed.
    writeFileSync(`${home.socket}.keep`, '')
    listener.close()
    await once(listener, 'close')
    writeFileSync(home.socket, 'no socket')
    await server()
    expect(await home.ask('PING')).toBe('PONG')
  })

  it('ends when nobody has used it for long, and not before', async () => {
    const first = await server({ idleMs: 300 })
    const [pid] = home.servers
    // Several times as long as that.
    for (let n = 0; n < 60; n++) {
      expect(await home.ask('PING')).toBe('PONG')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(home.servers).toEqual([pid])
    await home.ask('SET a kept')
    await first.close()
    await until('all have ended', () => home.processes.length === 0)
    expect(readFileSync(join(home.folder, 'server.log'), 'utf8')).toContain('ready to exit, bye bye')
    await server()
    expect(await home.ask('GET a')).toBe('kept')
  })

  it('is ended with its data in its file when it is told to', async () => {
    await (await server()).close()
    await home.ask('SET a kept')
    kill(home.keepers[0]!, 'SIGTERM')
    await until('all have ended', () => home.processes.length === 0)
    await server()
    expect(await home.ask('GET a')).toBe('kept')
  })

  it('is ended when its socket was removed, and another takes its place', async () => {
    await server({ idleMs: 500 })
    const [pid] = home.servers
    await home.ask('SET a kept')
    rmSync(home.socket)
    await until('it has ended', () => !isAlive(pid!))
    await until('there is one again', () =>
      home.ask('GET a').then(
        (a) => a === 'kept',
        () => false,
      ),
    )
  })

  it('knows nothing of the environment of who started it', async () => {
    const before = process.env
    process.env = { ...before, DROVER_TEST_SECRET: 'secret' }
    try {
      await server()
    } finally {
      process.env = before
    }
    const environments = home.processes.map((pid) => readFileSync(`/proc/${pid}/environ`, 'latin1'))
    // The server itself writes its name over its own.
    expect(environments.filter((environment) => environment.includes('PATH='))).toHaveLength(environments.length - 1)
    for (const environment of environments) expect(environment).not.toContain('SECRET')
  })

  it('is started once, whether or not those who ask can lock', async () => {
    const programs = ['auto', 'node', 'auto', 'node', 'auto', 'node'].map((launcher) =>
      home.program({}, undefined, { DROVER_LAUNCHER: launcher }),
    )
    await Promise.all(programs.map(firstLine))
    await until('the others have given up', () => home.keepers.length === 1)
    expect(home.servers).toHaveLength(1)
    expect(await home.ask('PING')).toBe('PONG')
  })

  it('is started once where nobody can lock, and one that outlived its keeper is looked after by the next', async () => {
    const env = { DROVER_LAUNCHER: 'node' }
    const keepers = [1, 2, 3].map(() => home.keeper(300, env))
    expect(await Promise.all(keepers.map(firstLine))).toEqual(Array(3).fill('{"ready":true}'))
    const server = await until('one is left', () => home.keepers.length === 1).then(() => home.servers)
    expect(server).toHaveLength(1)
    const client = await home.client()
    const [keeper] = home.keepers
    kill(keeper!, 'SIGKILL')
    await until('its keeper has died', () => !isAlive(keeper!))
    expect(await firstLine(home.keeper(300, env))).toBe('{"ready":true}')
    expect(home.servers).toEqual(server)
    client.close()
    await until('it has ended as idle', () => home.processes.length === 0)
  })
})

describe('where it cannot be', () => {
  const failure = (options: object) =>
    privateServer({ folder: home.folder, ...options }).then(
      () => null,
      (error: DroverError) => error,
    )

  it("another user's folder is refused", async () => {
    const folder = join(home.folder, 'theirs')
    mkdirSync(folder)
    chownSync(folder, 12345, 12345)
    const error = await failure({ folder })
    expect(error).toBeInstanceOf(DroverError)
    expect(error).toMatchObject({ code: 'ERR_DROVER_FOLDER', message: expect.stringContaining('user 12345') })
    expect(home.processes).toEqual([])
  })

  it('a folder that others could look into is closed', async () => {
    chmodSync(home.folder, 0o755)
    await server()
    expect(mode(home.folder)).toBe('700')
  })

  it('a log that has grown long is put aside', async () => {
    writeFileSync(join(home.folder, 'server.log'), 'x'.repeat(1024 * 1024 + 1))
    await server()
    expect(lstatSync(join(home.folder, 'server.log.old')).size).toBeGreaterThan(1024 * 1024)
    expect(lstatSync(join(home.folder, 'server.log')).size).toBeLessThan(1024 * 1024)
  })

  it('a path that is too long for a socket is refused', async () => {
    const error = await failure({ folder: join(home.folder, 'x'.repeat(100)) })
    expect(error).toMatchObject({ code: 'ERR_DROVER_FOLDER', message: expect.stringContaining('XDG_DATA_HOME') })
  })

  it('a server that does not start is told with what it said', async () => {
    mkdirSync(join(home.folder, 'data/appendonlydir'), { recursive: true })
    writeFileSync(join(home.folder, 'data/appendonlydir/appendonly.aof.manifest'), 'no manifest\n')
    const error = await failure({})
    expect(error).toMatchObject({ code: 'ERR_DROVER_SERVER', message: expect.stringContaining('manifest') })
    await until('all have ended', () => home.processes.length === 0)
  })

  it('a program that is none is told', async () => {
    expect(await failure({ program: '/nowhere/redis-server' })).toMatchObject({
      code: 'ERR_DROVER_SERVER',
      message: expect.stringMatching(/nowhere.*spawn-failed/),
    })
  })

  it('a program that never answers is given up', async () => {
    const program = join(home.folder, 'silent')
    writeFileSync(program, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 })
    const error = await failure({ program, startTimeoutMs: 500 })
    expect(error).toMatchObject({ code: 'ERR_DROVER_SERVER', message: expect.stringContaining('500 ms') })
  })

  it('no program is told with the command that installs one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-none-'))
    expect(() => findServerProgram(folder)).toThrow(/redis-server or valkey-server.*apt-get install -y redis-server/)
    writeFileSync(join(folder, 'valkey-server'), '', { mode: 0o755 })
    expect(findServerProgram(`/nowhere:${folder}`)).toBe(join(folder, 'valkey-server'))
    rmSync(folder, { recursive: true })
  })

  it.each([
    ['linux', 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', 'apt-get'],
    ['linux', 'ID=debian', 'apt-get'],
    ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'dnf install'],
    ['linux', 'ID=alpine', 'apk add'],
    ['linux', 'ID=arch', 'pacman'],
    ['linux', 'ID="opensuse-leap"\nID_LIKE="suse opensuse"', 'zypper'],
    ['darwin', '', 'brew install redis'],
    ['linux', 'ID=other', 'install Redis or Valkey'],
  ] as const)('on %s with %j: %s', (system, release, command) => {
    expect(installAdvice(system, release)).toContain(command)
  })

  it('a mistake in the call', async () => {
    expect(await failure({ idleMS: 1 })).toMatchObject({ code: 'ERR_DROVER_OPTION' })
    expect(await failure({ idleMs: -1 })).toMatchObject({ code: 'ERR_DROVER_OPTION' })
  })
})

it('its folder is where the data of a user is', () => {
  expect(defaultServerFolder({ XDG_DATA_HOME: '/data' })).toBe('/data/drover/server')
  const own = defaultServerFolder({})
  expect(own).toMatch(/\.local\/share\/drover\/server$/)
  expect(defaultServerFolder({ XDG_DATA_HOME: 'relative' })).toBe(own)
})

it('idle is who has no client, and had none in between', () => {
  let now = 0
  const clock = new IdleClock(100, () => now)
  const look = (clients: number, connections: number) =>
    clock.look(`connected_clients:${clients}\r\ntotal_connections_received:${connections}\r\n`)
  expect(look(1, 5)).toBe(false)
  now = 99
  expect(look(1, 5)).toBe(false)
  now = 100
  expect(look(1, 5)).toBe(true)
  expect(look(2, 5)).toBe(false)
  now = 199
  expect(look(1, 6)).toBe(false)
  now = 298
  expect(look(1, 6)).toBe(false)
  now = 299
  expect(look(1, 6)).toBe(true)
  expect(clock.look('')).toBe(false)
})

/** The TCP sockets on which a process listens. */
function listenersOf(pid: number): number {
  const tables = ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8')).join('\n')
  const listening = [...tables.matchAll(/ 0A (?:\S+ ){4}\s*\S+\s+\S+ (\d+)/g)].map((match) => match[1]!)
  return listening.filter((inode) => socketsOf(pid).includes(inode)).length
}

function socketsOf(pid: number): string[] {
  return readdirNumbers(`/proc/${pid}/fd`).flatMap((path) => /socket:\[(\d+)\]/.exec(path)?.[1] ?? [])
}

function readdirNumbers(folder: string): string[] {
  return readdirSync(folder).map((name) => {
    try {
      return readlinkSync(join(folder, name))
    } catch {
      return ''
    }
  })
}

function sessionOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
}
