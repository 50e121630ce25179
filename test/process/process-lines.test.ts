import { describe, expect, it } from 'vitest'
import { Process, run } from '../../src/index.js'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const all = async <L>(lines: AsyncIterable<L>): Promise<L[]> => {
  const found: L[] = []
  for await (const line of lines) found.push(line)
  return found
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const numbers = (length: number) => Array.from({ length }, (_, n) => String(n + 1))

describe('lines of a process', () => {
  it('come as they are printed', async () => {
    const child = new Process('read a; echo "got $a"; read b; echo "got $b"', { stdin: 'x\ny\n' }).start()
    expect(await all(child.stdout)).toEqual(['got x', 'got y'])
    const slow = new Process('echo first; sleep 100').start()
    const { value } = await slow.stdout[Symbol.asyncIterator]().next()
    expect(value).toBe('first')
    expect(slow.finished).toBe(false)
    await slow.kill()
  })

  it('come from both streams, without line ends, also the last one that has none', async () => {
    const child = new Process("printf 'a\\r\\n\\nb\\nlast'; printf 'e\\n' >&2").start()
    expect(await Promise.all([all(child.stdout), all(child.stderr)])).toEqual([['a', '', 'b', 'last'], ['e']])
  })

  it('come as bytes with encoding buffer', async () => {
    const child = new Process<Buffer>("printf '\\377\\r\\nx'", { encoding: 'buffer' }).start()
    expect(await all(child.stdout)).toEqual([Buffer.from([0xff, 13]), Buffer.from('x')])
  })

  it('all come to a slow reader, for whom the child waits', async () => {
    const child = new Process('seq 400000; echo done >&2', { maxOutputBytes: 1_000 }).start()
    const read: string[] = []
    for await (const line of child.stdout) {
      if (read.push(line) === 1) {
        await pause(200)
        expect(isAlive(child.pid!)).toBe(true)
        expect(child.finished).toBe(false)
      }
    }
    expect(read).toEqual(numbers(400_000))
    expect(await child.result).toMatchObject({ state: 'succeeded', stdoutBytes: 2_688_895, truncated: true })
  })

  it('all come to a reader that begins late, and to one that begins after the end', async () => {
    const child = new Process('seq 5; sleep 0.1; seq 6 10').start()
    await until('something was printed', async () => {
      const { value } = await child.stdout[Symbol.asyncIterator]().next()
      return value === '1'
    })
    expect(await all(child.stdout)).toEqual(numbers(10))
    await child.result
    expect(await all(child.stdout)).toEqual(numbers(10))
  })

  it('come after the end as they were kept: as bytes too, and where they are no text', async () => {
    const line = "printf '\\377\\na\\n'; printf '\\376' >&2"
    const bytes = new Process<Buffer>(line, { encoding: 'buffer' }).start()
    await bytes.result
    expect(await all(bytes.stdout)).toEqual([Buffer.from([0xff]), Buffer.from('a')])
    const text = new Process(line).start()
    await text.result
    expect(await all(text.stdout)).toEqual(['\ufffd', 'a'])
    expect(await all(text.stderr)).toEqual(['\ufffd'])
  })

  it('let the child go on when the reader leaves early', async () => {
    const child = new Process('seq 200000', { maxOutputBytes: 100 }).start()
    for await (const line of child.stdout) if (line === '3') break
    expect(await child.result).toMatchObject({ state: 'succeeded', stdoutBytes: 1_288_895 })
  })

  it('let the child go on when nobody reads', async () => {
    expect(await run('seq 200000; seq 200000 >&2')).toMatchObject({ stdoutBytes: 1_288_895, stderrBytes: 1_288_895 })
  })

  it('may be very long', async () => {
    const child = new Process("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo short").start()
    const [long, short] = await all(child.stdout)
    expect([long!.length, short]).toEqual([20_000_000, 'short'])
    expect(/[^x]/.test(long!)).toBe(false)
  })

  it('have characters that came in pieces', async () => {
    const child = new Process("printf '\\303'; sleep 0.05; printf '\\251\\n'").start()
    expect(await all(child.stdout)).toEqual(['é'])
  })

  it('end when the process is killed while they are read', async () => {
    const child = new Process('echo a; sleep 100').start()
    const read: string[] = []
    for await (const line of child.stdout) {
      read.push(line)
      void child.kill()
    }
    expect(read).toEqual(['a'])
  })

  it('do not keep kill() waiting for the reader that calls it', async () => {
    const child = new Process('yes').start()
    const lines = child.stdout[Symbol.asyncIterator]()
    await lines.next()
    await until('the child waits', async () => {
      const before = await child.signal('SIGCONT')
      await pause(50)
      return before > 0
    })
    await child.kill()
    expect(await child.result).toMatchObject({ state: 'cancelled' })
    expect((await lines.next()).value).toBe('y')
  })

  it('do not keep a timeout waiting for a reader that is stuck', async () => {
    const child = new Process('yes', { timeoutMs: 200 }).start()
    const lines = child.stdout[Symbol.asyncIterator]()
    await lines.next()
    const result = await child.result
    expect(result.state).toBe('timed-out')
    let read = 1
    for (let step = await lines.next(); !step.done; step = await lines.next()) read += 1
    expect(Math.abs(read - result.stdoutBytes / 2)).toBeLessThanOrEqual(1)
  })
})
