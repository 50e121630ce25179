import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ALLOWED_FOR_PRINTING, ALLOWED_MEMORY } from '../helpers/allowed-memory.js'
import { Drover, type DroverOptions, resultsOf } from '../helpers/drover.js'

/** Runs drover and watches the kernel's own account of its peak. */
async function measure(args: readonly string[], options: DroverOptions = {}) {
  const run = new Drover(['run', ...args], { input: '', ...options })
  let peak = 0
  const look = () => {
    try {
      const status = readFileSync(`/proc/${run.process.pid}/status`, 'latin1')
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024)
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(look, 10)
  const end = await run.end
  clearInterval(timer)
  return { end, peak }
}

it('counts 64 KB and 1 byte, 100 MB and 2 GB on both streams at once, in flat memory', {
  timeout: 180_000,
}, async () => {
  const idle = await measure(['sleep', ':::', '0.2'])
  for (const bytes of [65_537, 100_000_000, 2_000_000_000]) {
    const line = `yes | head -c ${bytes} & yes | head -c ${bytes} >&2; wait; : {}`
    const { end, peak } = await measure(['--json', line, ':::', 'x'])
    expect(resultsOf(end)).toMatchObject([{ state: 'succeeded', stdoutBytes: bytes, stderrBytes: bytes }])
    expect(peak - idle.peak).toBeLessThan(ALLOWED_MEMORY)
  }
})

function sha256OfRepeated(...parts: readonly [string, number, string, number]): string {
  const hash = createHash('sha256')
  for (const [text, bytes] of [parts.slice(0, 2), parts.slice(2)] as [string, number][]) {
    const block = Buffer.alloc(1_000_000, text)
    for (let left = bytes; left > 0; left -= block.length) hash.update(block)
  }
  return hash.digest('hex')
}

it('prints 300 MB of each of two tasks together, by way of files', { timeout: 120_000 }, async () => {
  const idle = await measure(['sleep', ':::', '0.2'])
  const { end, peak } = await measure(['-k', '-j', '2', 'yes {} | head -c 300000000', ':::', 'x', 'y'], {
    digest: true,
  })
  expect(end.stdout).toBe('')
  expect(end.stdoutBytes).toBe(600_000_000)
  expect(end.stdoutSha256).toBe(sha256OfRepeated('x\n', 300_000_000, 'y\n', 300_000_000))
  expect(peak - idle.peak).toBeLessThan(ALLOWED_FOR_PRINTING)
})

it('holds back 3,000 outputs behind one slow task', { timeout: 120_000 }, async () => {
  const items = Array.from({ length: 3_000 }, (_, n) => String(n))
  const idle = await measure(['sleep', ':::', '0.2'])
  const line =
    'test {} -ne 0 || while test ! -e "$GATE"; do sleep 0.05; done; head -c 20000 /dev/zero | tr "\\0" x; echo {}; test {} -ne 2999 || touch "$GATE"'
  const gate = `/tmp/drover-gate-${process.pid}`
  const { end, peak } = await measure(['-k', '-j', '4', line], { input: items.join('\n'), env: { GATE: gate } })
  expect(end.stdout.split('\n').map((text) => text.replace(/^x+/, ''))).toEqual([...items, ''])
  expect(peak - idle.peak).toBeLessThan(ALLOWED_FOR_PRINTING)
})
