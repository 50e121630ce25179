#!/usr/bin/env node
import { existsSync } from 'node:fs'
import module from 'node:module'

// Until a run listens to them, one would end it and the other open a debugger.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {})

module.enableCompileCache?.()
const program = new URL('../dist/drover.js', import.meta.url)
if (!existsSync(program)) {
  process.stderr.write('drover: it has not been built yet; run "npm install" in its folder\n')
  process.exit(102)
}
await import(program.href)
