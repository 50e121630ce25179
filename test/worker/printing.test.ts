import { describe, expect, it } from 'vitest'
import { errorOf, LAUNCHERS } from '../pool/support.js'
import { commandPool, exitsOf, modulePool } from './support.js'

describe('what a handler prints', () => {
  it('comes as the output of its request, in whatever way it was printed by Node', async () => {
    const pool = modulePool(`export async function handle() {
      process.stdout.write('a')
      process.stdout.write(new Uint8Array([98]))
      process.stdout.write('63', 'hex')
      await new Promise((resolve) => process.stdout.write('d', resolve))
      await new Promise((resolve) => process.stderr.write('e', 'utf8', resolve))
      console.log('%s', 'f')
      console.error('g')
      console.table([{ h: 1 }])
      return 'value'
    }`)
    const { value, stdout, stderr } = await pool.request(0)
    expect(value).toBe('value')
    expect(stdout).toMatch(/^abcdf\n.*h.*1/s)
    expect(stderr).toBe('eg\n')
  })

  it('past Node, by itself or by programs that it starts, comes as standard error', async () => {
    const pool = modulePool(`
      import { execFileSync, spawnSync } from 'node:child_process'
      import { writeSync } from 'node:fs'
      export function handle() {
        writeSync(1, 'written to 1\\n')
        spawnSync('/bin/sh', ['-c', 'echo to 1; echo to 2 >&2'], { stdio: 'inherit' })
        execFileSync('echo', ['again'], { stdio: ['ignore', 1, 2] })
        return 'value'
      }`)
    for (let n = 0; n < 2; n++) {
      const { value, stdout, stderr } = await pool.request(0)
      expect({ value, stdout, stderr }).toEqual({
        value: 'value',
        stdout: '',
        stderr: 'written to 1\nto 1\nto 2\nagain\n',
      })
    }
  })

  it('after its answer belongs to no request, and is told by the event', async () => {
    const pool = modulePool(
      `export const handle = (text) => { setImmediate(() => console.log('late', text)); return text }`,
    )
    const told = new Promise((resolve) => {
      pool.on('output', ({ stream, chunk }) => resolve([stream, chunk.toString()]))
    })
    expect(await pool.request('x')).toMatchObject({ value: 'x', stdout: '' })
    expect(await told).toEqual(['stdout', 'late x\n'])
  })

  it.each(LAUNCHERS)('before process.exit is told with the error, 5 MB of it (%s launcher)', async (launcher) => {
    const pool = modulePool(
      `export function handle() { process.stderr.write('e'.repeat(5e6) + 'the end'); process.exit(3) }`,
      { launcher },
    )
    const printed: number[] = []
    pool.on('output', ({ chunk }) => printed.push(chunk.length))
    const error = await errorOf(pool.request(0))
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 3 })
    expect(error.stderr).toMatch(/e{1000}the end$/)
  })
})

describe('what a worker prints on its way out', () => {
  it.each(LAUNCHERS)('is read to its end, 5 MB of it (%s launcher)', async (launcher) => {
    const pool = modulePool(
      `export const handle = (value) => value
       export const teardown = () => { process.stdout.write('x'.repeat(5e6) + 'the end'); console.error('bye') }`,
      { launcher },
    )
    let bytes = 0
    pool.on('output', ({ stream, chunk }) => {
      if (stream === 'stdout') bytes += chunk.length
    })
    await pool.request(1)
    const [exit] = await exitsOf(pool)
    expect(exit).toMatchObject({ exitCode: 0, error: null, answered: 1 })
    expect(exit!.stdout).toMatch(/x{1000}the end$/)
    expect(exit!.stderr).toBe('bye\n')
    expect(bytes).toBe(5e6 + 7)
  })

  it.each(['frames', 'process-pool'] as const)('by an exit that waits, which is called once (%s)', async (protocol) => {
    const pool = commandPool(
      `serve({ handle: (text) => text, async exit() {
        console.log('first')
        await new Promise((resolve) => setTimeout(resolve, 50))
        console.log('last')
      } })`,
      { protocol },
    )
    expect((await pool.request('x')).value).toBe('x')
    const [exit] = await exitsOf(pool)
    expect(exit).toMatchObject({ exitCode: 0, error: null })
    expect(exit!.stdout.replace(/^\d+;/, '')).toBe('first\nlast\n')
  })

  it('by an exit that throws is told with its exit code', async () => {
    const pool = commandPool(`serve({ handle: (text) => text, exit() { throw new Error('cannot leave') } })`, {
      protocol: 'frames',
    })
    await pool.request('x')
    const [exit] = await exitsOf(pool)
    expect(exit).toMatchObject({ exitCode: 1, error: null })
    expect(exit!.stderr).toContain('cannot leave')
  })
})
