import { beforeAll, describe, expect, it } from 'vitest'
import { ALLOWED_MEMORY } from '../helpers/allowed-memory.js'
import { runProgram } from '../helpers/program.js'

/** What a program of its own sees of one command, and how much memory that took it at the most, in MB. */
async function measure(line: string, options = '{}'): Promise<{ peakMb: number; result: Record<string, unknown> }> {
  const { stdout, stderr } = await runProgram(`
    const { stdout, stderr, stdoutBase64, stderrBase64, ...result } = await drover.run(${JSON.stringify(line)}, ${options})
    const peakMb = process.resourceUsage().maxRSS / 1024
    console.log(JSON.stringify({ peakMb, result: { ...result, stdoutLength: stdout.length, stderrLength: stderr.length } }))`)
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const bothStreams = (bytes: number) => `head -c ${bytes} /dev/zero & head -c ${bytes} /dev/zero >&2; wait`

describe('peak memory', () => {
  let idleMb = 0
  beforeAll(async () => {
    idleMb = (await measure('true')).peakMb
    expect(idleMb).toBeGreaterThan(10)
  })

  it.each([
    ['64 KiB and a byte', 65_537],
    ['100 MB', 100_000_000],
    ['2 GB', 2_000_000_000],
  ])(
    'stays near that of an idle one with %s on both streams at once',
    async (_what, bytes) => {
      const { peakMb, result } = await measure(bothStreams(bytes))
      const kept = Math.min(bytes, 16 * 1024 * 1024)
      expect(result).toMatchObject({
        state: 'succeeded',
        stdoutBytes: bytes,
        stderrBytes: bytes,
        stdoutLength: kept,
        stderrLength: kept,
        truncated: bytes > kept,
        pipeHeld: false,
      })
      expect(peakMb - idleMb).toBeLessThan(ALLOWED_MEMORY / 1024 / 1024)
    },
    60_000,
  )

  it('does not grow with lines that a reader is slow to read', async () => {
    const { stdout } = await runProgram(`
      const child = new drover.Process('head -c 300000000 /dev/zero | tr "\\\\0" "\\\\n"', { maxOutputBytes: 0 }).start()
      const lines = child.stdout[Symbol.asyncIterator]()
      await lines.next()
      await new Promise((resolve) => setTimeout(resolve, 300))
      console.log(process.resourceUsage().maxRSS / 1024)
      await child.kill({ graceMs: 0 })`)
    expect(Number(stdout) - idleMb).toBeLessThan(ALLOWED_MEMORY / 1024 / 1024)
  })
})
