import { afterAll } from 'vitest'
import { launcherFor } from '../../src/launcher/default-launcher.js'
import type { Launcher } from '../../src/launcher/port.js'
import { hostsLauncher } from '../../src/launcher/ssh/hosts-options.js'
import { describeLauncherContract } from '../launcher/contract.js'
import { TestHosts } from './sshd.js'

const hosts = await TestHosts.start([{ name: 'one' }])
afterAll(() => hosts.end())
process.env.PATH = `${hosts.bin}:${process.env.PATH}`

const launcher = hostsLauncher('one:500', launcherFor('native'))
await new Promise<void>((resolve, reject) => {
  launcher.open({ onChange: resolve, onWarning: () => {}, onNone: reject })
})

describeLauncherContract(
  'ssh',
  (): Launcher => ({
    name: launcher.name,
    capabilities: launcher.capabilities,
    start: (spec, events) => launcher.start({ ...spec, host: 'one' }, events),
    survivors: (scope) => launcher.survivors(scope),
    signalScope: (scope, signal) => launcher.signalScope(scope, signal),
    close: () => launcher.close(),
  }),
  true,
)
