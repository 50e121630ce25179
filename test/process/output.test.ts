import { describe, expect, it } from 'vitest'
import { run } from '../../src/index.js'

/** Prints these bytes, by a program of its own. */
const bytesProgram = (hex: string) => ['-e', `process.stdout.write(Buffer.from('${hex}', 'hex'))`]
const printing = (hex: string, options = {}) => run(process.execPath, bytesProgram(hex), options)

describe('captured output', () => {
  it('is text with U+FFFD and the bytes beside it where it is not UTF-8', async () => {
    const result = await printing('61ff62', {})
    expect(result.stdout).toBe('a\ufffdb')
    expect(result.stdoutBase64).toBe(Buffer.from('61ff62', 'hex').toString('base64'))
    expect(result.stdoutBytes).toBe(3)
    expect(result).not.toHaveProperty('stderrBase64')
  })

  it('is bytes with encoding buffer', async () => {
    const result = await run(process.execPath, bytesProgram('61ff0a00'), { encoding: 'buffer' })
    expect(result.stdout).toEqual(Buffer.from('61ff0a00', 'hex'))
    expect(result.stderr).toEqual(Buffer.alloc(0))
    expect(result).not.toHaveProperty('stdoutBase64')
  })

  it('is bytes with encoding buffer also where nothing ran', async () => {
    const result = await run('drover-no-such-program', [], { encoding: 'buffer', reject: false })
    expect(result.stdout).toEqual(Buffer.alloc(0))
    const aborted = await run('true', { encoding: 'buffer', reject: false, signal: AbortSignal.abort() })
    expect(aborted.stdout).toEqual(Buffer.alloc(0))
  })

  it.each([
    [1_000, 1_000, false],
    [1_001, 1_000, true],
    [999, 1_000, false],
    [0, 0, false],
    [1, 0, true],
    [2, 1, true],
  ])('with %i bytes and a limit of %i: truncated %s', async (size, maxOutputBytes, truncated) => {
    const result = await run(`head -c ${size} /dev/zero | tr '\\0' x; head -c ${size} /dev/zero | tr '\\0' y >&2`, {
      maxOutputBytes,
    })
    expect(result).toMatchObject({ stdoutBytes: size, stderrBytes: size, truncated })
    expect(result.stdout).toBe('x'.repeat(Math.min(size, maxOutputBytes)))
    expect(result.stderr).toBe('y'.repeat(Math.min(size, maxOutputBytes)))
  })

  it('keeps the beginning and the end, of each stream by itself', async () => {
    const result = await run('seq 100000; echo short >&2', { maxOutputBytes: 20 })
    expect(result.stdout).toBe('1\n2\n3\n4\n5\n99\n100000\n')
    expect(result.stdoutBytes).toBe(588_895)
    expect(result.stderr).toBe('short\n')
    expect(result.truncated).toBe(true)
  })

  it('is cut between characters', async () => {
    const result = await run("yes '漢🎉é' | tr -d '\\n' | head -c 90000", { maxOutputBytes: 1_001 })
    expect(result.stdout).toMatch(/^(漢🎉é)+漢?漢?🎉?é?(漢🎉é)+$/u)
    expect(result.stdout).not.toContain('\ufffd')
    expect(result).not.toHaveProperty('stdoutBase64')
    expect(Buffer.byteLength(result.stdout)).toBeGreaterThan(1_001 - 8)
    expect(Buffer.byteLength(result.stdout)).toBeLessThanOrEqual(1_001)
  })

  it('holds 16 MiB of each stream unless told otherwise', async () => {
    const limit = 16 * 1024 * 1024
    const result = await run(`head -c ${limit + 1} /dev/zero; head -c ${limit} /dev/zero >&2`, { encoding: 'buffer' })
    expect([result.stdout.length, result.stdoutBytes]).toEqual([limit, limit + 1])
    expect([result.stderr.length, result.stderrBytes]).toEqual([limit, limit])
  })

  it.each([65_536, 65_537, 1_048_577])('does not deadlock on %i bytes on both streams', async (size) => {
    const result = await run(`head -c ${size} /dev/zero >&2; head -c ${size} /dev/zero; head -c ${size} /dev/zero >&2`)
    expect(result).toMatchObject({ state: 'succeeded', stdoutBytes: size, stderrBytes: 2 * size })
  })

  it('does not lose what was printed right before the end, while the event loop is blocked', async () => {
    for (const size of [10, 200_000]) {
      const ended = run(`head -c ${size} /dev/zero`, { pipeGraceMs: 50 })
      // The child ends meanwhile: its exit, its data and the timers all come due at once.
      const until = performance.now() + 600
      while (performance.now() < until);
      expect(await ended).toMatchObject({ state: 'succeeded', stdoutBytes: size, pipeHeld: false })
    }
  })

  it('does not lose what a descendant prints a little later, while the event loop is blocked', async () => {
    const ended = run('(sleep 0.1; head -c 60000 /dev/zero) &', { pipeGraceMs: 250 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const until = performance.now() + 600
    while (performance.now() < until);
    expect(await ended).toMatchObject({ state: 'succeeded', stdoutBytes: 60_000, pipeHeld: false })
  })
})
