import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { until } from '../helpers/until.js'
import { freePort, programOf, Restartable } from './support.js'

/** The files of a certificate authority and of what it has signed. */
export interface Certificates {
  readonly folder: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** The authority of somebody else. */
  readonly otherCa: string
  /** As ioredis takes them. */
  readonly files: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer }
}

/** For this machine, by the names `localhost` and `127.0.0.1`. */
export async function makeCertificates(): Promise<Certificates> {
  const openssl = await programOf(['openssl'], 'openssl')
  const folder = mkdtempSync(join(tmpdir(), 'drover-tls-'))
  const run = (...words: string[]) => execFileSync(openssl, words, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  for (const name of ['ca', 'other'])
    run('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`)
  run('req', ...key, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=localhost')
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names']
  run('x509', '-req', '-in', 'own.csr', '-out', 'own.pem', ...signed)
  const path = (name: string) => join(folder, name)
  const [ca, cert, ownKey] = [path('ca.pem'), path('own.pem'), path('own.key')]
  const files = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(ownKey) }
  return { folder, ca, cert, key: ownKey, otherCa: path('other.pem'), files }
}

/** One redis-server, with a folder of its own. */
export class RedisNode {
  readonly port: number
  readonly #way: RedisOptions
  readonly #server: Restartable

  private constructor(way: RedisOptions, server: Restartable) {
    this.port = way.port!
    this.#way = way
    this.#server = server
  }

  /** @param more - its configuration beyond where it listens. */
  static async start(more: readonly string[], { isSentinel = false, certificates, probe }: NodeOptions = {}) {
    const program = await programOf(['redis-server', 'valkey-server'], 'redis-server')
    const folder = mkdtempSync(join(tmpdir(), 'drover-redis-'))
    const port = await lowPort()
    const file = join(folder, 'redis.conf')
    const { ca, cert, key } = certificates ?? {}
    const tls = [`tls-port ${port}`, `tls-ca-cert-file ${ca}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`]
    tls.push('tls-replication yes', ...(isSentinel ? [] : ['tls-cluster yes']))
    const ports = certificates === undefined ? [`port ${port}`] : ['port 0', ...tls]
    const keep = isSentinel ? [] : ['appendonly yes', 'save ""']
    writeFileSync(file, [...ports, 'bind 127.0.0.1 127.0.0.2', `dir ${folder}`, ...keep, ...more, ''].join('\n'))
    const words = [program, file, ...(isSentinel ? ['--sentinel'] : [])]
    const way: RedisOptions = { port, ...(certificates !== undefined && { tls: certificates.files }), ...probe }
    const node = new RedisNode(way, new Restartable(words, () => answers(way), folder))
    await node.start()
    return node
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  kill(): Promise<void> {
    return this.#server.stop('SIGKILL')
  }

  /** What it answers. */
  ask(command: string, ...words: (string | number)[]): Promise<unknown> {
    return once(this.#way, (client) => client.call(command, ...words))
  }

  remove(): Promise<void> {
    return this.#server.remove()
  }
}

interface NodeOptions {
  readonly isSentinel?: boolean
  /** With these it speaks TLS only. */
  readonly certificates?: Certificates | undefined
  /** How one that looks whether it is there gets in. */
  readonly probe?: RedisOptions
}

export interface Watched {
  readonly master: RedisNode
  readonly replica: RedisNode
  readonly sentinels: readonly RedisNode[]
  readonly address: string
  /** Resolves when the replica can take the master's place. */
  ready(): Promise<void>
}

/** A master, its replica, and Sentinels that watch them, most of whom have to agree. */
export async function startSentinels(nodes: RedisNode[], count: number, certificates?: Certificates): Promise<Watched> {
  const add = async (...words: Parameters<typeof RedisNode.start>) => {
    const [more, options] = words
    const node = await RedisNode.start(more, { ...options, certificates })
    nodes.push(node)
    return node
  }
  const master = await add([])
  const replica = await add([`replicaof 127.0.0.1 ${master.port}`])
  const most = Math.floor(count / 2) + 1
  const rules = [`sentinel monitor main 127.0.0.1 ${master.port} ${most}`, 'sentinel failover-timeout main 3000']
  rules.push('sentinel down-after-milliseconds main 1000')
  const sentinels: RedisNode[] = []
  while (sentinels.length < count) sentinels.push(await add(rules, { isSentinel: true }))
  const seesAll = async (sentinel: RedisNode) =>
    `${await sentinel.ask('SENTINEL', 'REPLICAS', 'main')}`.includes('master-link-status,ok') &&
    `${await sentinel.ask('SENTINEL', 'MASTER', 'main')}`.includes(`num-other-sentinels,${count - 1},`)
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`)
  return {
    master,
    replica,
    sentinels,
    address: `${schemeOf(certificates)}+sentinel://${hosts}/main`,
    ready: () =>
      until('all have seen each other', async () => (await Promise.all(sentinels.map(seesAll))).every(Boolean), 30_000),
  }
}

/** Three masters. */
export async function startCluster(nodes: RedisNode[], certificates?: Certificates): Promise<string> {
  for (let count = 0; count < 3; count++) nodes.push(await startMember(certificates))
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`)
  const cli = await programOf(['redis-cli', 'valkey-cli'], 'redis-tools')
  const tls = certificates === undefined ? [] : ['--tls', '--cacert', certificates.ca, '--cert', certificates.cert]
  if (certificates !== undefined) tls.push('--key', certificates.key)
  execFileSync(cli, [...tls, '--cluster', 'create', ...hosts, '--cluster-yes'], { stdio: 'pipe' })
  await agreed(nodes)
  return `${schemeOf(certificates)}+cluster://${hosts[0]},${hosts[1]}`
}

/** One more for a cluster in clear, which takes the master's place when that is gone. */
export async function addReplica(nodes: RedisNode[], master: RedisNode): Promise<RedisNode> {
  const replica = await startMember()
  await replica.ask('CLUSTER', 'MEET', '127.0.0.1', master.port)
  const id = `${await master.ask('CLUSTER', 'MYID')}`
  const knows = async (node: RedisNode, other: string) => `${await node.ask('CLUSTER', 'NODES')}`.includes(other)
  await until('it knows the master', () => knows(replica, id), 20_000)
  await replica.ask('CLUSTER', 'REPLICATE', id)
  const own = `${await replica.ask('CLUSTER', 'MYID')}`
  const isKnown = async () => (await Promise.all(nodes.map((node) => knows(node, own)))).every(Boolean)
  await until('all know it', isKnown, 20_000)
  await until('it has all', async () => `${await replica.ask('ROLE')}`.includes(',connected,'), 20_000)
  nodes.push(replica)
  await agreed(nodes)
  return replica
}

function startMember(certificates?: Certificates): Promise<RedisNode> {
  return RedisNode.start(['cluster-enabled yes', 'cluster-node-timeout 2000'], { certificates })
}

async function agreed(nodes: readonly RedisNode[]): Promise<void> {
  const isReady = async (node: RedisNode) => `${await node.ask('CLUSTER', 'INFO')}`.includes('cluster_state:ok')
  await until('all agree', async () => (await Promise.all(nodes.map(isReady))).every(Boolean), 30_000)
}

function schemeOf(certificates: Certificates | undefined): string {
  return certificates === undefined ? 'redis' : 'rediss'
}

async function answers(options: RedisOptions): Promise<boolean> {
  return once(options, (client) => client.ping()).then(
    (answer) => answer === 'PONG',
    () => false,
  )
}

async function once<T>(options: RedisOptions, call: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ ...options, lazyConnect: true, retryStrategy: () => null } as object)
  client.on('error', () => {})
  try {
    await client.connect()
    return await call(client)
  } finally {
    client.disconnect()
  }
}

/** The port of a cluster's node needs the one 10,000 above it, too. */
async function lowPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port < 55_000) return port
  }
}
