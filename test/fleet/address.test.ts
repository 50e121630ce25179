import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { describeAddress, holdsPassword, parseQueueAddress } from '../../src/fleet/address.js'
import { Backend } from '../../src/fleet/backend.js'
import { findQueueAddress } from '../../src/fleet/find-address.js'
import { OptionError } from '../../src/task/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'drover-address-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PLAIN = { queue: 'drover', username: undefined, password: undefined, tls: null }

it.each([
  ['redis://h', { ...PLAIN, kind: 'redis', host: 'h', port: 6379, db: 0 }],
  ['redis://[::1]:7000/3?queue=a.b-c_1', { ...PLAIN, kind: 'redis', host: '::1', port: 7000, db: 3, queue: 'a.b-c_1' }],
  ['redis://h/?db=4', { ...PLAIN, kind: 'redis', host: 'h', port: 6379, db: 4 }],
  [
    'redis://m%65:a/b@c:%3F@h:1',
    { ...PLAIN, kind: 'redis', host: 'h', port: 1, db: 0, username: 'me', password: 'a/b@c:?' },
  ],
  [
    'rediss://me@h?ca=/a@b/ca.pem&cert=c&key=k',
    {
      ...PLAIN,
      kind: 'redis',
      host: 'h',
      port: 6379,
      db: 0,
      username: 'me',
      tls: { ca: '/a@b/ca.pem', cert: 'c', key: 'k' },
    },
  ],
  ['redis+socket:///run/a%20b?db=2', { ...PLAIN, kind: 'socket', path: '/run/a b', db: 2 }],
  [
    'redis+sentinel://a,b:1/main/2',
    {
      ...PLAIN,
      kind: 'sentinel',
      master: 'main',
      db: 2,
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
      ],
    },
  ],
  [
    'rediss+cluster://a,[::2]:1',
    {
      ...PLAIN,
      kind: 'cluster',
      tls: {},
      hosts: [
        { host: 'a', port: 6379 },
        { host: '::2', port: 1 },
      ],
    },
  ],
  [
    'postgresql://me:%40x@h:1/d?sslmode=require&schema=s_1&queue=q',
    { kind: 'postgres', queue: 'q', schema: 's_1', password: '@x', url: 'postgresql://me@h:1/d?sslmode=require' },
  ],
])('%s', (address, expected) => {
  expect(parseQueueAddress(address)).toEqual(expected)
})

const SECRET = 'hush'
const TWO_WORDS = ['half', SECRET].join('?')

it.each([
  ['', 'begins with one of redis://'],
  ['h:6379', 'begins with one of redis://'],
  ['http://h', 'begins with one of redis://'],
  ['redis+tcp://h', 'begins with one of redis://'],
  ['redis://', 'expected HOST or HOST:PORT'],
  ['redis://h:x', 'expected HOST or HOST:PORT in the address, not "h:x"'],
  ['redis://h:0', 'expected HOST or HOST:PORT'],
  ['redis://h:65536', 'expected HOST or HOST:PORT'],
  ['redis://::1', 'expected HOST or HOST:PORT'],
  ['redis://a b', 'expected HOST or HOST:PORT'],
  ['redis://a,b', 'several hosts are a redis+sentinel:// or a redis+cluster:// address'],
  ['redis://h/x', 'the number of a database after the host, not "x"'],
  ['redis://h/-1', 'the number of a database'],
  ['redis://h/1/2', 'the number of a database after the host, not "1/2"'],
  ['redis://h/1?db=2', 'the number of the database is there twice'],
  ['redis://h?db=1&db=2', 'db= is there twice'],
  ['redis://h?queue=a&queue=b', 'queue= is there twice'],
  ['redis://h?queue=', 'the name of a queue is letters'],
  ['redis://h?queue=a:b', 'the name of a queue is letters'],
  ['redis://h?queue={a}', 'the name of a queue is letters'],
  ['redis://h?ca=f', 'there is no ?ca= in such an address; known are queue, db'],
  ['rediss://h?cafile=f', 'there is no ?cafile= in such an address; known are queue, db, ca, cert, key'],
  ['rediss://h?ca=', 'expected a file after ca='],
  ['rediss://h?cert=f', 'a certificate needs its key'],
  ['rediss://h?key=f', 'a certificate needs its key'],
  [`redis://me:${SECRET}%zz@h`, 'the password in the address has a %'],
  ['redis://%zz@h', "the user's name in the address has a %"],
  [`redis://me:${TWO_WORDS}@h`, 'a ? in a name or a password is written as %3F'],
  [`redis://me:1?${SECRET}@h`, 'a ? in a name or a password is written as %3F'],
  ['redis+socket://run/redis.sock', 'expected the path of a socket'],
  ['redis+socket://', 'expected the path of a socket'],
  ['redis+socket:///%', 'the path in the address has a %'],
  ['redis+sentinel://h', 'expected the name of the master'],
  ['redis+sentinel:///main', 'expected HOST or HOST:PORT'],
  ['redis+sentinel://a,,b/main', 'expected HOST or HOST:PORT in the address, not ""'],
  ['redis+sentinel://h/%/1', "the master's name in the address has a %"],
  ['redis+sentinel://h/main/x', 'the number of a database'],
  ['redis+cluster://h/1', 'has only database 0'],
  ['redis+cluster://h?db=0', 'has only database 0'],
  ['redis+cluster://', 'expected HOST or HOST:PORT'],
  ['postgres://h:x/d', 'expected an address as in postgres://'],
  ['postgres://a,b/d', 'a PostgreSQL queue is on one host'],
  ['postgres://h/d?schema=A', 'schema: expected small letters'],
  ['postgres://h/d?schema=a&schema=b', 'schema= is there twice'],
  ['postgres://h/d?queue=1', 'the name of a queue is letters'],
  ['postgres://h/d?sslmode=verify_full', 'sslmode: expected one of disable, prefer, require, verify-ca, verify-full'],
  ['postgres://h/d?sslmode=require&sslmode=disable', 'sslmode= is there twice'],
  [`postgres://me:${SECRET}%zz@h/d`, 'the password in the address has a %'],
])('%s is refused', (address, message) => {
  const error = thrown(() => parseQueueAddress(address))
  expect(error).toBeInstanceOf(OptionError)
  expect(error.message).toContain(message)
  expect(error.message).not.toContain(SECRET)
  expect(error.message).not.toContain('half')
})

it.each([
  ['redis://me:x@h', true],
  ['redis://:x@h', true],
  ['redis://me:a/b@h', true],
  ['rediss+sentinel://me:a@b@h:1,i:2/main', true],
  ['postgres://me:x@h/d', true],
  ['postgres://me@h/d?password=x', true],
  ['redis://me@h:1/2', false],
  ['redis://h:1', false],
  ['rediss://h:1?ca=/a:b@c', false],
  ['postgres://me@h:1/d?queue=password', false],
])('%s: that it holds a password is %s', (address, holds) => {
  expect(holdsPassword(address)).toBe(holds)
})

it('what people see of an address has no password', () => {
  for (const [address, seen] of [
    ['rediss://me:x@h/1', 'rediss://h:6379'],
    ['redis+socket:///run/r', 'redis+socket:///run/r'],
    ['redis+sentinel://:x@a,b/main', 'redis+sentinel://a:26379,b:26379/main'],
    ['rediss+cluster://:x@[::1]', 'rediss+cluster://[::1]:6379'],
    ['postgres://me:x@h:1/d', 'postgres://h:1/d'],
  ] as const)
    expect(describeAddress(parseQueueAddress(address))).toBe(seen)
})

it('a file of the address that is not there is told of before anything is connected to', async () => {
  for (const name of [
    'rediss://h?ca',
    'rediss+sentinel://h/main?ca',
    'rediss+cluster://h?ca',
    'postgres://h/d?sslrootcert',
  ])
    await expect(Backend.load(parseQueueAddress(`${name}=/no/such/file`))).rejects.toThrow(
      /^queue: (ca|sslrootcert)=\/no\/such\/file cannot be read: ENOENT/,
    )
})

it('an address is found on the command line, in a file or in the environment, and its password beside it', () => {
  const file = join(folder, 'queue')
  writeFileSync(file, 'redis://file?queue=f\nsomething else\n')
  const env = { DROVER_QUEUE: 'redis://env', DROVER_QUEUE_PASSWORD: 'x' }
  expect(findQueueAddress({ given: 'redis://given', env })).toMatchObject({ host: 'given', password: 'x' })
  expect(findQueueAddress({ file, env })).toMatchObject({ host: 'file', queue: 'f', password: 'x' })
  expect(findQueueAddress({ env })).toMatchObject({ host: 'env', password: 'x' })
  expect(findQueueAddress({ env: { ...env, DROVER_QUEUE: 'redis://:y@env' } })).toMatchObject({ password: 'y' })
  expect(findQueueAddress({ env: {} })).toBeNull()
})

it('an address that cannot be used from where it is, is refused', () => {
  const file = join(folder, 'open')
  const refused = (sources: Parameters<typeof findQueueAddress>[0], message: string) => {
    const error = thrown(() => findQueueAddress({ env: {}, ...sources }))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toContain(message)
    expect(error.message).not.toContain(SECRET)
  }
  refused({ given: `redis://:${SECRET}@h` }, 'a password on the command line')
  refused({ given: `postgres://h/d?password=${SECRET}` }, 'a password on the command line')
  refused({ given: 'redis://h', file: 'f' }, '--queue and --queue-file exclude each other')
  refused({ file: join(folder, 'none') }, 'cannot be read: ENOENT')
  writeFileSync(file, '\n')
  refused({ file }, 'has no address on its first line')
  writeFileSync(file, `redis://:${SECRET}@h`)
  chmodSync(file, 0o644)
  refused({ file }, `others can read it; chmod 600 ${file}`)
  chmodSync(file, 0o600)
  expect(findQueueAddress({ file, env: {} })).toMatchObject({ password: SECRET })
})

function thrown(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
