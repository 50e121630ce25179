import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import { describeLauncherContract } from './contract.js'

describeLauncherContract('native', () => createNativeLauncher())
