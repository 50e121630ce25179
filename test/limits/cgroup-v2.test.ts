import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A kernel that runs as an ordinary process: the package user-mode-linux of Debian. */
const hasKernel = spawnSync('sh', ['-c', 'command -v linux.uml']).status === 0

describe('control groups of version 2, on a machine that has no others', () => {
  it.runIf(hasKernel)(
    'limit tasks and workers, all that is in them is ended together, and nothing is left',
    { timeout: 120_000 },
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'drover-kernel-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const words = ['rootfstype=hostfs', 'rootflags=/', 'ro', 'mem=768M', 'quiet', `uml_dir=${folder}`]
      const consoles = ['con=null', 'con0=fd:0,fd:1']
      const job = [
        `init=${file('programs/unified.sh')}`,
        `NODE=${process.execPath}`,
        `JOB=${file('programs/unified-job.mjs')}`,
      ]
      const url = pathToFileURL(file('../../dist/index.js')).href
      const printed = execFileSync('linux.uml', [...words, ...consoles, ...job, `DROVER_URL=${url}`], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 100_000,
      })
      const lines = printed.split(/\r?\n/)
      const told = lines.find((line) => line.startsWith('{'))
      expect(told, printed).toBeDefined()
      const { results, codes } = JSON.parse(told!)
      expect(results).toMatchObject([
        { state: 'succeeded', stdout: '1\n' },
        { state: 'killed', stdout: '', code: 'ERR_DROVER_MEMORY', maxRssBytes: 100 * 2 ** 20 },
        { state: 'killed', stdout: '', code: 'ERR_DROVER_MEMORY', maxRssBytes: 100 * 2 ** 20 },
        { state: 'succeeded', stdout: '2\n' },
      ])
      expect(codes).toEqual(['answered', 'ERR_DROVER_WORKER_MEMORY', 'answered'])
      expect(lines).toContain('status 0')
      const groups = lines.filter((line) => line.startsWith('/sys/fs/cgroup/delegated/'))
      expect(groups).toHaveLength(1)
      expect(groups[0]).toMatch(/-self$/)
    },
  )
})
