// drover with a defect of the kind that $BROKEN names: runs the real one to its end, then spoils something.
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../bin/drover.cjs', import.meta.url))
const args = process.argv.slice(2)
const journal = args[args.indexOf('--journal') + 1] ?? ''
const { BROKEN, FAULT_LOG = '', FAULT_MARK = '' } = process.env

const SPOIL = {
  loses() {
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n')
    writeFileSync(journal, `${lines.slice(0, -1).join('\n')}\n`)
  },
  doubles() {
    const [name] = readFileSync(FAULT_LOG, 'utf8').split(' ')
    appendFileSync(FAULT_LOG, `${name} ${FAULT_MARK}\n`)
  },
  leaks() {
    spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).unref()
  },
  leaksWithoutEnvironment() {
    spawn('sleep', [`600.${FAULT_MARK}`], { detached: true, stdio: 'ignore', env: {} }).unref()
  },
  hangs() {
    setInterval(() => {}, 1_000)
  },
  endsWrong() {
    process.exit(77)
  },
  scribbles() {
    appendFileSync(journal, 'not a record\n')
  },
  tears() {
    appendFileSync(journal, '{"type":"resu')
  },
}

process.exitCode = spawnSync(process.execPath, [PROGRAM, ...args], { stdio: 'inherit' }).status ?? 1
if (BROKEN !== undefined) SPOIL[BROKEN]()
