#!/usr/bin/env node
'use strict'
const { existsSync } = require('node:fs')
const { join } = require('node:path')

// Until a run listens to them, one would end it and the other open a debugger.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {})

const folder = join(__dirname, '../dist')
const program = join(folder, 'drover.cjs')
if (!existsSync(program)) {
  process.stderr.write('drover: it has not been built yet; run "npm install" in its folder\n')
  process.exit(102)
}
const cached = existsSync(join(folder, 'code-cache.cjs')) && require('../dist/code-cache.cjs').load(program)
if (!cached) {
  require('node:module').enableCompileCache?.()
  require(program)
}
