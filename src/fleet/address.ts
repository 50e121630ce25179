import { OptionError } from '../task/errors.js'

/** A server. */
export interface HostPort {
  /** Its name, or its address without brackets. */
  readonly host: string
  /** From 1 to 65,535. */
  readonly port: number
}

/** Files for TLS; none of them has to be there for `rediss://`. */
export interface TlsFiles {
  /** Certificates of authorities, in PEM. Default: those of Node. */
  readonly ca?: string
  /** The certificate of this client, in PEM. */
  readonly cert?: string
  /** Its private key, in PEM. */
  readonly key?: string
}

interface RedisPart {
  /** The queue's name. */
  readonly queue: string
  readonly username: string | undefined
  readonly password: string | undefined
  /** Null for a connection in clear. */
  readonly tls: TlsFiles | null
}

/** Where a queue is, and its name. */
export type QueueAddress =
  | (RedisPart & HostPort & { readonly kind: 'redis'; readonly db: number })
  | (RedisPart & { readonly kind: 'socket'; readonly path: string; readonly db: number })
  | (RedisPart & {
      readonly kind: 'sentinel'
      readonly hosts: readonly HostPort[]
      readonly master: string
      readonly db: number
    })
  | (RedisPart & { readonly kind: 'cluster'; readonly hosts: readonly HostPort[] })
  | {
      readonly kind: 'postgres'
      readonly queue: string
      /** As the `pg` package takes it; it may hold a password. */
      readonly url: string
      readonly password: string | undefined
      /** The schema that BullMQ's tables are in. */
      readonly schema: string
    }

const SCHEMES =
  'redis://, rediss://, redis+socket:///PATH, redis+sentinel://, redis+cluster:// (or rediss+…), postgres://'
const HOST = /^(?:\[([\da-f:]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i
const TLS_FILES = ['ca', 'cert', 'key'] as const
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
/** Files for TLS in the address of a PostgreSQL server. */
export const SSL_FILES = ['sslrootcert', 'sslcert', 'sslkey'] as const
const QUESTION_MARK = 'queue: a ? in a name or a password is written as %3F in the address'
const DEFAULT_PORTS = { redis: 6379, sentinel: 26379, cluster: 6379 } as const

/**
 * Reads the address of a queue:
 *
 *   redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]      rediss:// is the same with TLS (?ca=FILE&cert=FILE&key=FILE)
 *   redis+socket:///PATH[?db=DB]
 *   redis+sentinel://HOST[:PORT],…/MASTER[/DB]      rediss+sentinel:// with TLS
 *   redis+cluster://HOST[:PORT],…                   rediss+cluster:// with TLS
 *   postgres://USER@HOST[:PORT]/DATABASE[?schema=SCHEMA&sslmode=…]
 *
 * each with `?queue=NAME`, which is `drover` without.
 *
 * @param password - where the address has none.
 * @throws OptionError that says what was expected; it never holds the password.
 */
export function parseQueueAddress(address: string, password?: string): QueueAddress {
  const match = /^(redis|rediss)(?:\+(socket|sentinel|cluster))?:\/\/|^(postgres|postgresql):\/\//.exec(address)
  if (match === null) {
    throw new OptionError(
      `queue: expected an address, as in redis://localhost:6379 or postgres://user@host/database, that begins with one of ${SCHEMES}; a name goes behind it, as in redis://localhost?queue=NAME`,
    )
  }
  return match[3] === undefined
    ? redisAddress(address.slice(match[0].length), match[1] === 'rediss', match[2] ?? 'redis', password)
    : postgresAddress(address, password)
}

function redisAddress(rest: string, isTls: boolean, kind: string, password: string | undefined): QueueAddress {
  const [whole = '', query = ''] = cut(rest, '?')
  const at = whole.lastIndexOf('@')
  const [user, secret] = at === -1 ? [undefined, undefined] : cut(whole.slice(0, at), ':')
  const [authority = '', path = ''] = cut(whole.slice(at + 1), '/')
  // What is before the mark may be half of a password then, which must not come to be in a message.
  if (query.includes('@') && authority.split(',').some((each) => each !== '' && !HOST.test(each)))
    throw new OptionError(QUESTION_MARK)
  const options = new URLSearchParams(query)
  allow(options, isTls ? ['queue', 'db', ...TLS_FILES] : ['queue', 'db'])
  const common: RedisPart = {
    queue: queueName(options.get('queue')),
    username: user ? decoded(user, "user's name") : undefined,
    password: secret === undefined ? password : decoded(secret, 'password'),
    tls: isTls ? tlsOf(options) : null,
  }
  if (kind === 'socket') {
    if (authority !== '' || path === '')
      throw new OptionError('queue: expected the path of a socket, as in redis+socket:///run/redis.sock')
    return { ...common, kind, path: `/${decoded(path, 'path')}`, db: dbOf('', options) }
  }
  if (kind === 'cluster') {
    if (path !== '' || options.has('db'))
      throw new OptionError('queue: a Redis Cluster has only database 0; leave it out')
    return { ...common, kind, hosts: hostsOf(authority, DEFAULT_PORTS.cluster) }
  }
  if (kind === 'sentinel') {
    const [master = '', db] = cut(path, '/')
    if (master === '')
      throw new OptionError('queue: expected the name of the master, as in redis+sentinel://HOST,HOST/MASTER')
    return {
      ...common,
      kind,
      hosts: hostsOf(authority, DEFAULT_PORTS.sentinel),
      master: decoded(master, "master's name"),
      db: dbOf(db ?? '', options),
    }
  }
  const hosts = hostsOf(authority, DEFAULT_PORTS.redis)
  if (hosts.length > 1)
    throw new OptionError('queue: several hosts are a redis+sentinel:// or a redis+cluster:// address')
  return { ...common, kind: 'redis', ...hosts[0]!, db: dbOf(path, options) }
}

function postgresAddress(address: string, password: string | undefined): QueueAddress {
  let url: URL
  try {
    url = new URL(address)
  } catch {
    throw new OptionError('queue: expected an address as in postgres://USER@HOST:PORT/DATABASE')
  }
  if (url.hostname.includes(',')) throw new OptionError('queue: a PostgreSQL queue is on one host')
  for (const name of ['queue', 'schema', 'sslmode', ...SSL_FILES]) once(url.searchParams, name)
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode))
    throw new OptionError(`queue: sslmode: expected one of ${SSL_MODES.join(', ')}, not ${JSON.stringify(mode)}`)
  const queue = queueName(url.searchParams.get('queue'))
  const schema = url.searchParams.get('schema') ?? 'drover'
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw new OptionError('queue: schema: expected small letters, digits and _, as PostgreSQL has them without quotes')
  for (const own of ['queue', 'schema']) url.searchParams.delete(own)
  const given = url.password === '' ? password : decoded(url.password, 'password')
  url.password = ''
  return { kind: 'postgres', queue, url: url.href, password: given, schema }
}

/** What people may see of an address, and where messages say that something went wrong: all but passwords. */
export function describeAddress(address: QueueAddress): string {
  const list = (hosts: readonly HostPort[]) => hosts.map(hostText).join(',')
  const scheme = isTlsAddress(address) ? 'rediss' : 'redis'
  switch (address.kind) {
    case 'redis':
      return `${scheme}://${hostText(address)}`
    case 'socket':
      return `${scheme}+socket://${address.path}`
    case 'sentinel':
      return `${scheme}+sentinel://${list(address.hosts)}/${address.master}`
    case 'cluster':
      return `${scheme}+cluster://${list(address.hosts)}`
    case 'postgres': {
      const { host, pathname } = new URL(address.url)
      return `postgres://${host}${pathname}`
    }
  }
}

/** Whether an address holds a password, which everybody on the machine could read in the list of processes. */
export function holdsPassword(address: string): boolean {
  const [whole = '', query = ''] = cut(address, '?')
  // Slashes belong to it as well for whoever reads the address.
  return /^[\w+]+:\/\/[^@]*:.+@/.test(whole) || /(?:^|&)password=./.test(query)
}

/** Whether the server is spoken to with TLS. */
export function isTlsAddress(address: QueueAddress): boolean {
  if (address.kind !== 'postgres') return address.tls !== null
  const options = new URL(address.url).searchParams
  const mode = options.get('sslmode') ?? (options.has('sslrootcert') ? 'verify-full' : 'disable')
  return mode !== 'disable'
}

/** @throws OptionError unless it can be the name of a queue: letters, digits and `._-`, beginning with a letter. */
export function queueName(name: string | null): string {
  if (name === null) return 'drover'
  if (/^[a-z][\w.-]{0,99}$/i.test(name)) return name
  throw new OptionError(
    `queue: the name of a queue is letters, digits, and . _ -, and begins with a letter, not ${JSON.stringify(name)}`,
  )
}

function hostText({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function hostsOf(authority: string, port: number): HostPort[] {
  return authority.split(',').map((each) => {
    const match = HOST.exec(each)
    const given = Number(match?.[3] ?? port)
    if (match === null || given < 1 || given > 65_535)
      throw new OptionError(`queue: expected HOST or HOST:PORT in the address, not ${JSON.stringify(each)}`)
    return { host: (match[1] ?? match[2])!, port: given }
  })
}

function dbOf(path: string, options: URLSearchParams): number {
  const option = options.get('db')
  if (path !== '' && option !== null)
    throw new OptionError('queue: the number of the database is there twice, after the host and as ?db=; leave one out')
  const words = option ?? path
  if (words === '') return 0
  if (/^\d{1,4}$/.test(words)) return Number(words)
  throw new OptionError(`queue: expected the number of a database after the host, not ${JSON.stringify(words)}`)
}

function tlsOf(options: URLSearchParams): TlsFiles {
  const files = TLS_FILES.map((name) => [name, options.get(name)] as const).filter(([, file]) => file !== null)
  for (const [name, file] of files)
    if (file === '') throw new OptionError(`queue: expected a file after ${name}= in the address`)
  if (options.has('cert') !== options.has('key'))
    throw new OptionError('queue: a certificate needs its key; give ?cert=FILE and &key=FILE together')
  return Object.fromEntries(files)
}

function allow(options: URLSearchParams, known: readonly string[]): void {
  for (const name of options.keys()) {
    if (name.includes('@')) throw new OptionError(QUESTION_MARK)
    if (!known.includes(name))
      throw new OptionError(`queue: there is no ?${name}= in such an address; known are ${known.join(', ')}`)
    once(options, name)
  }
}

function once(options: URLSearchParams, name: string): void {
  if (options.getAll(name).length > 1)
    throw new OptionError(`queue: ${name}= is there twice in the address; leave one out`)
}

/** What is written with percent signs in an address. */
function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new OptionError(
      `queue: the ${what} in the address has a % that is not followed by two hexadecimal digits; write it as %25`,
    )
  }
}

/** The text before and after the first mark; undefined for what is not there. */
function cut(text: string, mark: string): [string, string | undefined] {
  const place = text.indexOf(mark)
  return place === -1 ? [text, undefined] : [text.slice(0, place), text.slice(place + 1)]
}
