#!/usr/bin/env node
import { existsSync } from 'node:fs'
import module from 'node:module'

module.enableCompileCache?.()
const program = new URL('../dist/drover.js', import.meta.url)
if (!existsSync(program)) {
  process.stderr.write('drover: it has not been built yet; run "npm install" in its folder\n')
  process.exit(102)
}
await import(program.href)
