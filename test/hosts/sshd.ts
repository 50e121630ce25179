import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { until } from '../helpers/until.js'

const SLOW_WAY = join(import.meta.dirname, 'programs', 'slow-way.mjs')

/** How a machine is reached, and where its sshd runs. */
export interface HostPlan {
  readonly name: string
  /** A network namespace that is made for it; 127.0.0.1 without one. */
  readonly namespace?: boolean
  /** Milliseconds that each word takes to it, and as long back. Default: 0. */
  readonly delayMs?: number
}

/** A machine of the test's: an sshd with keys of its own, a cache folder of its own, and perhaps a network of its own. */
export interface TestHost {
  readonly name: string
  /** Where launchers are stored there. */
  readonly cache: string
  readonly address: string
  readonly port: number
  /** Ends its sshd with all of its connections. */
  kill(): void
  start(): Promise<void>
  /** Takes it off the network, and puts it back. */
  cutOff(): void
  reconnect(): void
}

/** The hosts of a test, and an `ssh` on the PATH that knows them and nothing else. */
export class TestHosts {
  readonly folder = mkdtempSync(join(tmpdir(), 'drover-hosts-'))
  readonly hosts: Readonly<Record<string, TestHost>> = {}
  /** To be at the front of PATH. */
  readonly bin = join(this.folder, 'bin')
  readonly #ends: (() => void)[] = []
  readonly #key = join(this.folder, 'key')

  static async start(plans: readonly HostPlan[]): Promise<TestHosts> {
    const hosts = new TestHosts()
    try {
      await hosts.#start(plans)
    } catch (error) {
      hosts.end()
      throw error
    }
    return hosts
  }

  host(name: string): TestHost {
    return this.hosts[name]!
  }

  end(): void {
    for (const end of this.#ends.splice(0).reverse()) end()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** More lines of the client's configuration, in front of all others. */
  configure(lines: string): void {
    const file = join(this.folder, 'ssh_config')
    writeFileSync(file, `${lines}\n${readFileSync(file, 'utf8')}`)
  }

  /** How often ssh was called. */
  get calls(): number {
    return readFileSync(join(this.folder, 'calls'), 'utf8').split('\n').length - 1
  }

  async #start(plans: readonly HostPlan[]): Promise<void> {
    mkdirSync('/run/sshd', { recursive: true })
    newKey(this.#key)
    mkdirSync(this.bin)
    const config = join(this.folder, 'ssh_config')
    const calls = join(this.folder, 'calls')
    writeFileSync(calls, '')
    writeFileSync(config, '')
    writeFileSync(join(this.bin, 'ssh'), `#!/bin/sh\necho >> '${calls}'\nexec /usr/bin/ssh -F '${config}' "$@"\n`)
    chmodSync(join(this.bin, 'ssh'), 0o755)
    for (const [number, plan] of plans.entries()) await this.#add(plan, number)
  }

  async #add({ name, namespace = false, delayMs = 0 }: HostPlan, number: number): Promise<void> {
    const folder = join(this.folder, name)
    const cache = join(folder, 'cache')
    mkdirSync(cache, { recursive: true })
    const hostKey = join(folder, 'host-key')
    newKey(hostKey)
    const network = namespace ? new Network(number) : null
    if (network !== null) this.#ends.push(() => network.remove())
    const address = network?.address ?? '127.0.0.1'
    const port = network === null ? await freePort() : 22
    const knownHosts = join(folder, 'known_hosts')
    const place = port === 22 ? address : `[${address}]:${port}`
    writeFileSync(knownHosts, `${place} ${readFileSync(`${hostKey}.pub`, 'utf8')}`)
    const serverConfig = join(folder, 'sshd_config')
    writeFileSync(
      serverConfig,
      [
        `ListenAddress ${address}`,
        `Port ${port}`,
        `HostKey ${hostKey}`,
        `AuthorizedKeysFile ${this.#key}.pub`,
        'PidFile none',
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'MaxStartups 100',
        `SetEnv XDG_CACHE_HOME=${cache}`,
      ].join('\n'),
    )
    this.configure(
      [
        `Host ${name}`,
        `  HostName ${address}`,
        `  Port ${port}`,
        `  User ${userInfo().username}`,
        `  IdentityFile ${this.#key}`,
        '  IdentitiesOnly yes',
        `  UserKnownHostsFile ${knownHosts}`,
        '  GlobalKnownHostsFile /dev/null',
        '  StrictHostKeyChecking yes',
        ...(delayMs === 0 ? [] : [`  ProxyCommand ${process.execPath} ${SLOW_WAY} ${address} ${port} ${delayMs}`]),
      ].join('\n'),
    )
    let server: ChildProcess | null = null
    const host: TestHost = {
      name,
      cache,
      address,
      port,
      kill: () => {
        if (server?.pid !== undefined) killTree(server.pid)
        server = null
      },
      start: async () => {
        const sshd = ['/usr/sbin/sshd', '-D', '-e', '-f', serverConfig]
        const [program, ...args] = network === null ? sshd : ['ip', 'netns', 'exec', network.name, ...sshd]
        server = spawn(program!, args, { stdio: 'ignore' })
        await until(`sshd of ${name} answers`, () => answers(address, port))
      },
      cutOff: () => network?.set('down'),
      reconnect: () => network?.set('up'),
    }
    this.#ends.push(() => host.kill())
    await host.start()
    ;(this.hosts as Record<string, TestHost>)[name] = host
  }
}

/** A network namespace with one wire to this one. */
class Network {
  readonly name: string
  readonly address: string
  readonly #wire: string

  constructor(number: number) {
    const id = `${process.pid % 100_000}${number}`
    this.name = `drover-${id}`
    this.#wire = `dr${id}`
    const subnet = `10.${100 + (process.pid % 100)}.${number + 1}`
    this.address = `${subnet}.2`
    const inner = `${this.#wire}b`
    const commands = [
      `ip netns add ${this.name}`,
      `ip link add ${this.#wire} type veth peer name ${inner}`,
      `ip link set ${inner} netns ${this.name}`,
      `ip addr add ${subnet}.1/24 dev ${this.#wire}`,
      `ip link set ${this.#wire} up`,
      `ip -n ${this.name} addr add ${this.address}/24 dev ${inner}`,
      `ip -n ${this.name} link set ${inner} up`,
      `ip -n ${this.name} link set lo up`,
    ]
    try {
      for (const command of commands) run(command)
    } catch (error) {
      this.remove()
      throw error
    }
  }

  set(state: 'up' | 'down'): void {
    run(`ip link set ${this.#wire} ${state}`)
  }

  remove(): void {
    for (const command of [`ip link del ${this.#wire}`, `ip netns del ${this.name}`]) {
      try {
        run(command)
      } catch {
        // It was not made.
      }
    }
  }
}

function run(command: string): void {
  const [program, ...args] = command.split(' ')
  execFileSync(program!, args, { stdio: 'pipe' })
}

function newKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path])
}

/** All sshds below it, and not what their sessions run: that has to end by itself. */
function killTree(root: number): void {
  for (const pid of [root, ...sshdsBelow(root)]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
}

function sshdsBelow(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
  const sshds = children.filter((child) => readFileSync(`/proc/${child}/comm`, 'latin1').startsWith('sshd'))
  return sshds.flatMap((child) => [child, ...sshdsBelow(child)])
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address)
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', () => end(true))
    socket.once('error', () => end(false))
    socket.setTimeout(1_000, () => end(false))
  })
}
