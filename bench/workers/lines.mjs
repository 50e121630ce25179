// A command that echoes lines, each followed by a line that says that it is done.
import { createInterface } from 'node:readline'

const DONE = '{done}'

for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${line}\n${DONE}\n`)
