import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Launcher } from '../../src/launcher/port.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { describeCountedOutput } from './contract-counted.js'
import { describeInput } from './contract-input.js'
import { describeStartOptions } from './contract-options.js'
import { describeOrderOfStreams } from './contract-order.js'
import { describeOutput } from './contract-output.js'
import { describeStarts } from './contract-starts.js'
import { describeTrees } from './contract-trees.js'
import { recordedStarts, startRecorded } from './recorder.js'

/**
 * What every adapter of the launcher port must do. Where adapters differ by nature, the test asks
 * `launcher.capabilities` and checks the one promise or the other, never nothing.
 *
 * @param isRemote - whether children have another environment than this process, and none of its descriptors.
 */
export function describeLauncherContract(name: string, create: () => Launcher, isRemote = false): void {
  describe(`${name} launcher: contract`, () => {
    let launcher: Launcher
    const launcherOf = () => launcher
    const { shell } = recordedStarts(launcherOf)

    beforeAll(() => {
      launcher = create()
    })
    afterAll(() => launcher.close())

    describeStarts(launcherOf, isRemote)
    describeStartOptions(launcherOf, isRemote)
    describeInput(launcherOf)
    describeOutput(launcherOf)
    describeOrderOfStreams(launcherOf)
    describeCountedOutput(launcherOf)
    describeTrees(launcherOf)

    it('runs two hundred children at once and tells each one apart', async () => {
      const children = Array.from({ length: 200 }, (_, n) =>
        shell(`echo ${n}; read line; exit ${n % 100}`, { stdin: { from: 'pipe' } }),
      )
      await Promise.all(
        children.map((child, n) => child.when('it printed', () => child.text('stdout') === `${n}\n`, 25_000)),
      )
      for (const child of children) child.child.write('go\n')
      await Promise.all(children.map((child) => child.whenClosed(25_000)))
      expect(children.map((child) => child.exit!.exitCode)).toEqual(children.map((_, n) => n % 100))
    })

    it('ends what is left when it is closed', async () => {
      const own = create()
      const seconds = uniqueSleep()
      const child = startRecorded(own, { file: 'sh', args: ['-c', `setsid sleep ${seconds} & sleep ${seconds}`] })
      await until('both run', () => processesWith(`sleep ${seconds}`).length >= 2)
      await own.close()
      await until('none is left', () => processesWith(seconds).length === 0)
      await child.when('its end was told', () => child.exit !== null || child.lost !== null)
      expect(existsSync(`/proc/${child.pid}`)).toBe(false)
    })
  })
}
