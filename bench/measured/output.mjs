// One task that prints much, read by a Node program: { way, bytes }. Lines are made by `yes`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { dispatch, Process } from '../../dist/index.js'
import { linesCommand, zerosCommand } from '../lib/much-output.mjs'
import { ownPeakMb } from '../lib/proc.mjs'
import { parameters, report } from './report.mjs'

const { way, bytes } = parameters
const shell = (/** @type {string} */ command) =>
  spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })

/** @type {Record<string, () => Promise<number>>} Each gives the bytes that came. */
const ways = {
  async 'drover-discard'() {
    let came = 0
    for await (const result of dispatch([zerosCommand(bytes)], { maxOutputBytes: 0 })) came += result.stdoutBytes
    return came
  },
  async 'child-process-discard'() {
    const child = shell(zerosCommand(bytes))
    let came = 0
    child.stdout.on('data', (chunk) => {
      came += chunk.length
    })
    await once(child, 'close')
    return came
  },
  async 'drover-lines'() {
    const child = new Process(linesCommand(bytes), { maxOutputBytes: 0 })
    child.start()
    const came = await countLines(child.stdout)
    await child.result
    return came
  },
  async 'readline-lines'() {
    const child = shell(linesCommand(bytes))
    const ended = once(child, 'close')
    const came = await countLines(createInterface({ input: child.stdout }))
    await ended
    return came
  },
}

/** @param {AsyncIterable<string>} lines */
async function countLines(lines) {
  let came = 0
  for await (const line of lines) came += line.length + 1
  return came
}

const begun = performance.now()
const came = await ways[way]()
const seconds = (performance.now() - begun) / 1_000
if (came !== bytes) throw new Error(`${came} of ${bytes} bytes came`)
report({ seconds, peakMb: ownPeakMb() })
