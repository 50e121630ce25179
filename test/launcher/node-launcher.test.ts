import { NodeLauncher } from '../../src/launcher/node/node-launcher.js'
import { describeLauncherContract } from './contract.js'

describeLauncherContract('node', () => new NodeLauncher())
