import { once } from 'node:events'
import { closeSync, openSync, readSync } from 'node:fs'
import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import { startRecorded } from './recorder.js'

/** A Node process of its own, for tests that end it or change what it is. Arguments: binary, scenario, its arguments. */
const [binary, scenario, ...rest] = process.argv.slice(2)
const launcher = createNativeLauncher({ binary: binary! })
const shell = (line: string, more = {}) => startRecorded(launcher, { file: '/bin/sh', args: ['-c', line], ...more })
const say = (word: string) => process.stdout.write(`${word}\n`)

function expectThrow(call: () => void): void {
  try {
    call()
  } catch {
    return
  }
  throw new Error('nothing was thrown')
}

const scenarios: Record<string, () => Promise<void>> = {
  /** Starts many children by the same line and waits for its own end. */
  async trees() {
    const children = Array.from({ length: Number(rest[1]) }, () => shell(rest[0]!))
    await Promise.all(children.map((child) => child.when('it has spawned', () => child.pid !== null)))
    say('started')
    await once(process.stdin, 'end')
  },

  /** Runs one command and has nothing more to do. */
  async one() {
    const child = shell(rest[0]!)
    await child.whenClosed()
    say(child.text('stdout').trim())
  },

  async exit() {
    const child = shell(rest[0]!)
    await child.when('it has spawned', () => child.pid !== null)
    process.exit(0)
  },

  async keep() {
    const child = shell(rest[0]!, { keepLeftovers: true })
    await child.when('it has ended', () => child.exit !== null)
    child.child.releaseOutput('stdout')
    child.child.releaseOutput('stderr')
    say('ended')
  },

  /** Runs the same command before and after it has become another user, and once more under another umask. */
  async user() {
    const run = async () => {
      const child = shell('id -u; id -g; umask')
      await child.whenClosed()
      say(child.text('stdout').trim().replaceAll('\n', ' '))
    }
    process.umask(0o022)
    await run()
    process.setgid?.(65534)
    process.setuid?.(65534)
    await run()
    process.umask(0o077)
    await run()
  },

  /** Asks, as a user without privileges, for what takes some, and for what does not. */
  async unprivileged() {
    process.setgid?.(65534)
    process.setuid?.(65534)
    for (const more of [{ nice: -5 }, { limits: { openFiles: 2 ** 30 } }, { nice: 1, limits: { openFiles: 100 } }]) {
      const child = shell('echo fine', more)
      await child.whenClosed()
      const { spawnError: error } = child
      say(error === null ? child.text('stdout').trim() : `${error.code} ${error.message}`)
    }
  },

  /** Hands on a descriptor that this process was started with. */
  async handOn() {
    for (const line of ['echo first >&9', 'echo second >&9']) {
      const child = shell(line, { descriptors: [{ inherited: 5, as: 9 }] })
      await child.whenClosed()
      say(child.spawnError?.message ?? `ended with ${child.exit?.exitCode}`)
    }
    const other = shell('ls -l /proc/self/fd | grep -c pipe')
    await other.whenClosed()
    say(`pipes of another: ${other.text('stdout').trim()}`)
  },

  /** Tells how much of its input it has found at once, after it has asked for more room and started something since. */
  async widen() {
    const room = Buffer.alloc(4 * 1024 * 1024)
    const usual = 65_536
    for (const before of [true, false]) {
      await shell('true').whenClosed()
      if (before) launcher.widenInput!()
    }
    let most = 0
    for (const deadline = Date.now() + 20_000; most <= usual && Date.now() < deadline; )
      most = Math.max(most, readSync(0, room))
    say(most > usual ? 'more than usual' : `${most} bytes`)
  },

  /** Takes a lock and waits for its own end. */
  async holdLock() {
    await launcher.lock!(rest[0]!)
    say('locked')
    await once(process.stdin.resume(), 'end')
  },

  /** Waits for a lock, gives it back, takes it again, and has nothing more to do. */
  async waitForLock() {
    say('waiting')
    const lock = await launcher.lock!(rest[0]!, { wait: true })
    say('locked')
    await lock.release()
    await launcher.lock!(rest[0]!)
    say('again')
  },

  /** More children than there are descriptors for; then they end, and one more is started. */
  async many() {
    const children = Array.from({ length: Number(rest[1]) }, () => shell(rest[0]!, { stdin: { from: 'pipe' } }))
    await Promise.all(children.map((child) => child.when('it is told', () => child.calls.length > 0)))
    const failed = children.filter((child) => child.spawnError !== null)
    for (const child of children) child.child.endInput()
    await Promise.all(children.map((child) => child.whenClosed()))
    const last = shell('echo fine')
    await last.whenClosed()
    const codes = [...new Set(failed.map((child) => child.spawnError!.code))]
    say(`failed: ${codes} (${failed.length}), then: ${last.text('stdout').trim()}`)
  },

  /** No descriptor is left when the launcher is to be started; then there are some again. */
  async full() {
    const opened: number[] = []
    const fill = () => {
      for (;;) opened.push(openSync('/dev/null', 'r'))
    }
    expectThrow(fill)
    const child = shell('true')
    await child.when('it failed', () => child.spawnError !== null)
    for (const fd of opened) closeSync(fd)
    const next = shell('echo fine')
    await next.whenClosed()
    say(`failed: ${child.spawnError!.code}, then: ${next.text('stdout').trim()}`)
  },

  /** Inherits all three streams. */
  async inherit() {
    const spec = { stdin: { from: 'inherit' }, stdout: { to: 'inherit' }, stderr: { to: 'inherit' } }
    const child = shell('cat; echo to stderr >&2', spec)
    await child.when('it has ended', () => child.exit !== null)
  },
}

await scenarios[scenario!]!()
