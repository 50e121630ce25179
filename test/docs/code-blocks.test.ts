import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-docs-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/drover'))
  for (const name of ['@opentelemetry', 'pino'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The code blocks of a page in one of these languages. */
function blocksOf(page: string, languages: string): string[] {
  const fence = new RegExp(`^\`\`\`(?:${languages})\\n(.*?)^\`\`\`$`, 'gms')
  return [...readFileSync(join(ROOT, page), 'utf8').matchAll(fence)].map((match) => match[1]!)
}

/** The name of the file that a block is, where it begins with one. */
function fileNameOf(code: string): string | null {
  return /^\/\/ ([\w-]+\.m?js)\n/.exec(code)?.[1] ?? null
}

const PROGRAM = `'${process.execPath}' '${join(ROOT, 'bin/drover.cjs')}'`

/** Programs that leave files behind do it elsewhere. */
function cwdOf(page: string): string {
  return ['docs/journal.md', 'docs/results.md', 'docs/report.md', 'docs/daemon.md'].includes(page) ? folder : ROOT
}

const PAGES = [
  'README.md',
  'docs/library.md',
  'docs/pipe.md',
  'docs/steering.md',
  'docs/journal.md',
  'docs/results.md',
  'docs/report.md',
  'docs/pools.md',
  'docs/for-each.md',
  'docs/daemon.md',
  'docs/observability.md',
]
for (const page of PAGES) {
  for (const [place, code] of blocksOf(page, 'js|ts').entries()) {
    const name = fileNameOf(code)
    if (name !== null) {
      beforeAll(() => {
        // Other blocks import it, so it is a module wherever it is.
        writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
        writeFileSync(join(folder, name), code)
      })
      continue
    }
    it(`${page}: program ${place + 1} runs and prints something`, async () => {
      const file = join(folder, `${page.replaceAll('/', '-')}-${place}.mjs`)
      writeFileSync(file, code)
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: cwdOf(page) })
      expect(stdout).not.toBe('')
      expect(stderr).toBe('')
    })
  }
}

it('docs/templates.md: its lines for the shell do what they say', async () => {
  const [line] = blocksOf('docs/templates.md', 'sh')
  writeFileSync(join(folder, "it's a file.txt"), 'x'.repeat(42))
  const command = line!.replace('drover', PROGRAM)
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder })
  expect(stdout).toBe("42 bytes in it's a file.txt\n")
})

it('docs/results.md: its lines for the shell do what they say', async () => {
  const [overview, forms] = blocksOf('docs/results.md', 'sh')
  const lines = `drover() { ${PROGRAM} "$@"; }\n${overview}${forms}`
  const { stdout } = await promisify(execFile)('sh', ['-c', lines], { cwd: folder })
  const printed = stdout.trimEnd().split('\n')
  // The tasks run at once, and what ends first is first in the journal.
  expect(printed.slice(0, 3).sort()).toEqual(['0', '1', '2'])
  expect(
    printed
      .slice(3, 5)
      .map((row) => row.replaceAll(/ {2,}/g, '|').replace(/\|[^|]+\|/, '|'))
      .sort(),
  ).toEqual(["failed|exit 1|#2|echo '1'; exit '1'", "failed|exit 2|#3|echo '2'; exit '2'"])
  expect(JSON.parse(printed[5]!)).toMatchObject({ type: 'result', state: 'failed' })
  expect(readFileSync(join(folder, 'night.csv'), 'utf8')).toMatch(/^index,id,key,state,/)
})

it('docs/report.md: its lines for the shell do what they say', async () => {
  const [lines, live] = blocksOf('docs/report.md', 'sh')
  const place = join(folder, 'report')
  mkdirSync(place)
  writeFileSync(join(place, 'jobs.jsonl'), '{"command":"true"}')
  const script = `drover() { ${PROGRAM} "$@"; }\n${lines}${live!.replace('8080', '0')}`
  const { stderr } = await promisify(execFile)('sh', ['-c', script], { cwd: place })
  expect(stderr).toMatch(/night\.html: 3 results/)
  expect(stderr).toMatch(/report: http:\/\/127\.0\.0\.1:\d+\/\?token=/)
  expect(readFileSync(join(place, 'night.html'), 'utf8')).toContain('<title>drover report</title>')
  expect(JSON.parse(readFileSync(join(place, 'night.trace.json'), 'utf8')).traceEvents.length).toBeGreaterThan(3)
})

it('docs/pools.md: its lines for the shell do what they say', async () => {
  const [lines] = blocksOf('docs/pools.md', 'sh')
  const script = `drover() { ${PROGRAM} "$@"; }\n${lines}`
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: folder })
  expect(stdout).toBe('1\n2\n3\n1\n2\n1\n4\n9\n16\n4\n')
})

it('docs/limits.md: its line for the shell does what it says', async () => {
  const [line] = blocksOf('docs/limits.md', 'sh')
  const script = `drover() { ${PROGRAM} "$@"; }\n${line!.trimEnd()} || true`
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: folder })
  const results = stdout
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each))
  results.sort((a, b) => a.index - b.index)
  expect(results).toMatchObject([{ state: 'succeeded' }, { state: 'killed', error: { code: 'ERR_DROVER_MEMORY' } }])
})

it('docs/admission.md: its line for the shell runs', async () => {
  const [line] = blocksOf('docs/admission.md', 'sh')
  writeFileSync(join(folder, 'note.txt'), 'a note')
  const script = `drover() { ${PROGRAM} "$@"; }\n${line!.replace('80%', '10000%').replace('100M', '1M')}`
  await promisify(execFile)('sh', ['-c', script], { cwd: folder })
  expect(readFileSync(join(folder, 'note.txt.gz')).subarray(0, 2).toString('hex')).toBe('1f8b')
})

it('docs/pipe.md: its lines for the shell do what they say', async () => {
  const [lines] = blocksOf('docs/pipe.md', 'sh')
  const script = `drover() { ${PROGRAM} "$@"; }\n${lines}`
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', script], { cwd: folder })
  expect(stderr).toBe('')
  expect(stdout).toBe('100000\nblock 1\nname\nann\nbob\nblock 2\nname\neve\n1+2\n3+4\n5\n5050\n')
})

it('docs/steering.md: its lines for the shell do what they say', async () => {
  const [lines] = blocksOf('docs/steering.md', 'sh')
  // With a program of its own, so that the pid is that of the drover, as where it is installed.
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'drover'), `#!/bin/sh\nexec ${PROGRAM} "$@"\n`, { mode: 0o755 })
  const runtime = join(folder, 'runtime')
  mkdirSync(runtime, { mode: 0o700 })
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, XDG_RUNTIME_DIR: runtime }
  const script = `${lines}wait $!; echo "ended by $?"; drover ps; cat night.log`
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: folder, env })
  const [heading, line, first, second, ...rest] = stdout.trimEnd().split('\n')
  expect(heading).toMatch(/^RUN +PID/)
  expect(line).toMatch(/ run +2 +2 +0\/4 +0 /)
  expect(first).toMatch(/^ {2}1 +\d+ .*echo '600'; sleep '600'$/)
  expect(second).toMatch(/^ {2}2 +\d+ .*echo '601'; sleep '601'$/)
  expect(rest.slice(0, 2)).toEqual(['ended by 143', 'nothing goes on'])
  // The third may have printed before the run was cancelled.
  expect(
    rest
      .slice(2)
      .filter((printed) => printed !== '602')
      .sort(),
  ).toEqual(['600', '601'])
})
