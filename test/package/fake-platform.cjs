'use strict'
// Preloaded by Node: it takes this machine for another one.
const [platform, arch] = process.env.FAKE_PLATFORM.split('-')
Object.defineProperty(process, 'platform', { value: platform })
Object.defineProperty(process, 'arch', { value: arch })
