import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { processesWith } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const SUITE = fileURLToPath(new URL('../../faults/run.mjs', import.meta.url))
const BROKEN_DROVER = fileURLToPath(new URL('./broken-drover.mjs', import.meta.url))

interface Row {
  readonly fault: string
  readonly tried: number
  readonly notTried: string | null
}

interface SuiteEnd {
  readonly status: number
  readonly rows: readonly Row[]
  readonly told: string
}

function runSuite(args: readonly string[], broken?: string): Promise<SuiteEnd> {
  const env = { ...process.env, ...(broken !== undefined && { BROKEN: broken }) }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [SUITE, '--json', ...args], { env }, (error, stdout, stderr) => {
      if (stdout === '') return reject(new Error(stderr))
      const { code = 0 } = (error ?? {}) as { code?: number }
      resolve({ status: code, rows: JSON.parse(stdout), told: stderr })
    })
  })
}

const NOTHING_WRONG = { lost: 0, doubled: 0, leaked: 0, hangs: 0, wrongEnds: 0 }
const OBSTACLES = /^only root may |^libfaketime is not installed$/

it('drover withstands each fault', { timeout: 180_000 }, async () => {
  const { status, rows, told } = await runSuite(['--quick'])
  expect(rows.length).toBeGreaterThan(20)
  for (const row of rows) {
    expect(row, told).toMatchObject(NOTHING_WRONG)
    if (row.notTried === null) expect(row.tried).toBeGreaterThan(0)
    else expect(row.notTried).toMatch(OBSTACLES)
    if (process.getuid?.() === 0) expect(row.notTried ?? '').not.toMatch(/root/)
  }
  expect(status).toBe(0)
})

async function removeKept(running: Promise<SuiteEnd>): Promise<SuiteEnd> {
  const end = await running
  for (const [, folder] of end.told.matchAll(/kept: (\S+);/g)) rmSync(folder!, { recursive: true })
  return end
}

describe('the suite sees', () => {
  const see = (broken?: string) =>
    removeKept(
      runSuite(['--fault', 'closed-stdin', '--times', '1', '--deadline', '4000', '--program', BROKEN_DROVER], broken),
    )

  it('nothing where nothing is wrong', async () => {
    expect(await see()).toMatchObject({ status: 0, rows: [{ ...NOTHING_WRONG, tried: 1 }] })
  })

  const DEFECTS = {
    'a result that was announced and is not in the journal': ['loses', 'lost'],
    'a task that ran again': ['doubles', 'doubled'],
    'a process that was left': ['leaks', 'leaked'],
    'one that has cleared its environment': ['leaksWithoutEnvironment', 'leaked'],
    'a drover that does not end': ['hangs', 'hangs'],
    'a wrong exit status': ['endsWrong', 'wrongEnds'],
    'a line in the journal that is no record': ['scribbles', 'wrongEnds'],
    'a torn end of a journal that nothing has torn': ['tears', 'wrongEnds'],
  } as const
  for (const [what, [broken, count]] of Object.entries(DEFECTS)) {
    it(what, { timeout: 60_000 }, async () => {
      const { status, rows, told } = await see(broken)
      expect(status).toBe(1)
      expect(rows[0], told).toHaveProperty(count, expect.any(Number))
      expect((rows[0] as unknown as Record<string, number>)[count], told).toBeGreaterThan(0)
      expect(told).toMatch(/again: --fault closed-stdin --seed 1 --trial 1\n {2}invocation \d+: /)
    })
  }

  it('a fault that never strikes', async () => {
    const { status, rows } = await removeKept(
      runSuite(['--fault', 'sigterm', '--times', '1', '--program', '/bin/true']),
    )
    expect({ status, ...rows[0] }).toMatchObject({ status: 1, tried: 0 })
  })
})

it('ends the processes that it has found left', () =>
  until('none is alive', () => processesWith('sleep 600').length === 0))
