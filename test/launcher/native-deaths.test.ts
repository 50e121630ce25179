import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBinary } from '../../src/launcher/native/binary.js'
import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import { isAlive, processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { buildParent, launchersOf, type Parent, processesOf } from './native-processes.js'
import { startRecorded } from './recorder.js'

/** One that stays, one in a session of its own, one that forked twice, one that did so with an empty environment. */
function treeOf(seconds: string): string {
  const sleep = `sleep ${seconds}`
  return [
    `${sleep} &`,
    `setsid ${sleep} &`,
    `(setsid sh -c '${sleep} >/dev/null 2>&1 &');`,
    `(setsid env -i sh -c '${sleep} >/dev/null 2>&1 &');`,
    'wait',
  ].join(' ')
}
const SLEEPS_IN_TREE = 4

const sleeping = (seconds: string) => processesOf(`sleep ${seconds}`)

describe('native launcher: deaths', () => {
  let parents: Awaited<ReturnType<typeof buildParent>>
  const started: Parent[] = []
  const run = (...args: string[]) => {
    const parent = parents.run(...args)
    started.push(parent)
    return parent
  }

  beforeAll(async () => {
    parents = await buildParent()
  })
  afterAll(() => {
    for (const parent of started) if (!parent.ended) parent.process.kill('SIGKILL')
    parents.remove()
  })

  it('SIGKILL of Node in the middle of fifty trees leaves nothing alive', async () => {
    const seconds = uniqueSleep()
    const parent = run('trees', treeOf(seconds), '50')
    await until('all trees are up', () => sleeping(seconds).length === 50 * SLEEPS_IN_TREE, 25_000)
    const [halves] = launchersOf(parent.pid)
    process.kill(parent.pid, 'SIGKILL')
    await until('nothing is alive', () => processesWith(seconds).length === 0, 2_000)
    await until('the launcher has gone too', () => !isAlive(halves!.guardian) && !isAlive(halves!.launcher), 2_000)
  })

  it('SIGKILL of Node leaves nothing alive even if the launcher itself is stuck', async () => {
    const seconds = uniqueSleep()
    const parent = run('trees', treeOf(seconds), '3')
    await until('all trees are up', () => sleeping(seconds).length === 3 * SLEEPS_IN_TREE)
    const [halves] = launchersOf(parent.pid)
    process.kill(halves!.launcher, 'SIGSTOP')
    process.kill(parent.pid, 'SIGKILL')
    await until('nothing is alive', () => processesWith(seconds).length === 0, 8_000)
    await until('the launcher has gone too', () => !isAlive(halves!.guardian) && !isAlive(halves!.launcher))
  })

  it('process.exit leaves nothing alive', async () => {
    const seconds = uniqueSleep()
    const parent = run('exit', treeOf(seconds))
    await until('it has ended', () => parent.ended)
    await until('nothing is alive', () => processesWith(seconds).length === 0)
  })

  for (const half of ['launcher', 'guardian'] as const) {
    it(`SIGKILL of the ${half} leaves nothing alive, and every child in flight is told lost, then all goes on`, async () => {
      const launcher = createNativeLauncher()
      const seconds = uniqueSleep()
      const children = Array.from({ length: 10 }, () =>
        startRecorded(launcher, { file: '/bin/sh', args: ['-c', treeOf(seconds)] }),
      )
      await until('all trees are up', () => sleeping(seconds).length === 10 * SLEEPS_IN_TREE)
      const [halves] = launchersOf(process.pid)
      process.kill(halves![half], 'SIGKILL')
      await Promise.all(children.map((child) => child.when('it is lost', () => child.lost !== null)))
      await until('nothing is alive', () => processesWith(seconds).length === 0, 2_000)
      for (const child of children) {
        expect(child.lost).toMatchObject({ code: 'ERR_DROVER_LAUNCHER_DIED' })
        expect(child.calls).toEqual(['spawn', 'stdout-end', 'stderr-end', 'lost'])
        expect(await child.child.signalTree('SIGKILL')).toBe(0)
      }
      const next = startRecorded(launcher, { file: 'echo', args: ['again'] })
      await next.whenClosed()
      expect(next.text('stdout')).toBe('again\n')
      await launcher.close()
      await until('no launcher is left', () => launchersOf(process.pid).length === 0)
    })
  }

  it('a launcher that ends before it has said a word has died, when one has run before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-deaths-'))
    const binary = join(folder, 'launcher')
    const put = (program: string) => {
      copyFileSync(program, `${binary}-new`)
      renameSync(`${binary}-new`, binary)
    }
    put(findBinary()!)
    const launcher = createNativeLauncher({ binary })
    const first = startRecorded(launcher, { file: 'sleep', args: [uniqueSleep()] })
    await first.when('it runs', () => first.pid !== null)
    put('/bin/false')
    process.kill(launchersOf(process.pid)[0]!.guardian, 'SIGKILL')
    await first.when('it is lost', () => first.lost !== null)
    const second = startRecorded(launcher, { file: 'true' })
    await expect(launcher.lock!(join(folder, 'lock'))).rejects.toMatchObject({ code: 'ERR_DROVER_LAUNCHER_DIED' })
    expect([second.lost?.code, second.spawnError]).toEqual(['ERR_DROVER_LAUNCHER_DIED', null])
    put(findBinary()!)
    const third = startRecorded(launcher, { file: 'echo', args: ['again'] })
    await third.whenClosed()
    expect(third.text('stdout')).toBe('again\n')
    await launcher.close()
    rmSync(folder, { recursive: true })
  })

  it('the event loop ends by itself when nothing runs', async () => {
    const parent = run('one', 'echo done')
    await until('it has ended', () => parent.ended)
    expect(parent).toMatchObject({ exitCode: 0, output: 'done\n' })
  })

  it('kept leftovers outlive Node, and what they print is drained', async () => {
    const seconds = uniqueSleep()
    const endless = `while :; do echo ${seconds}; sleep 0.01; done`
    const parent = run('keep', `sleep ${seconds} & sh -c '${endless}' & setsid sleep ${seconds} & exit 0`)
    await until('Node has ended', () => parent.ended)
    // The loop's own fork looks like it for a moment, until it has become sleep.
    let left: number[] = []
    await until('three are left', () => {
      left = processesWith(seconds)
      return left.length === 3
    })
    // A writer into a closed pipe would be dead after one more line; this one has slept and written several times.
    const printer = left.find((pid) => processesWith('while').includes(pid))!
    const switches = () => voluntarySwitches(printer)
    const before = switches()
    await until('it has gone on printing', () => switches() > before + 5)
    for (const pid of left) process.kill(pid, 'SIGKILL')
    await until('they are gone', () => processesWith(seconds).length === 0)
  })
})

function voluntarySwitches(pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readStatus(pid))?.[1] ?? 0)
}

function readStatus(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'latin1')
}
