import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import { describeLauncherContract } from './contract.js'

/** Another binary than the usual one, as one that sanitizers watch. */
const binary = process.env.DROVER_TEST_LAUNCHER

describeLauncherContract('native', () => createNativeLauncher(binary === undefined ? {} : { binary }))
