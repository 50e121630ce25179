import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DocFolder, fileNameOf, sorted } from './doc-folder.js'
import { blocksOfPages, ROOT } from './pages.js'

const folder = new DocFolder(['@opentelemetry', 'pino'])
afterAll(() => folder.remove())

const blocks = blocksOfPages(
  'docs/admission.md',
  'docs/daemon.md',
  'docs/for-each.md',
  'docs/journal.md',
  'docs/library.md',
  'docs/limits.md',
  'docs/observability.md',
  'docs/pipe.md',
  'docs/pools.md',
  'docs/progress.md',
  'docs/report.md',
  'docs/results.md',
  'docs/slots.md',
  'docs/steering.md',
  'docs/templates.md',
)

/** Programs that read the files of this repository. */
const IN_ROOT = ['library', 'pipe', 'steering', 'pools', 'for-each', 'observability'].map((name) => `docs/${name}.md`)

const codes = Object.entries(blocks).map(([page, its]) => [page, its.take('js')] as const)
beforeAll(() => {
  for (const code of codes.flatMap(([, each]) => each)) {
    const name = fileNameOf(code)
    if (name !== null) folder.write(name, code)
  }
})
const programs = codes.map(([page, each]) => [page, each.filter((code) => fileNameOf(code) === null)] as const)

it.each(programs.filter(([, each]) => each.length > 0))(
  '%s: its programs run and print something',
  { timeout: 60_000 },
  async (page, each) => {
    for (const code of each) {
      const { stdout, stderr } = await folder.javaScript(code, IN_ROOT.includes(page) ? ROOT : folder.path)
      expect(stdout, code).not.toBe('')
      expect(stderr, code).toBe('')
    }
  },
)

it('docs/templates.md: its line for the shell does what it says', async () => {
  const [line] = blocks['docs/templates.md'].take('sh')
  folder.write("it's a file.txt", 'x'.repeat(42))
  const { stdout } = await folder.shell(line!)
  expect(stdout).toBe("42 bytes in it's a file.txt\n")
})

it('docs/journal.md: its lines for the shell do what they say', async () => {
  const [lines] = blocks['docs/journal.md'].take('sh')
  folder.write('tasks.jsonl', '{"command":"echo one"}\n{"command":"echo two"}\n')
  const { stdout } = await folder.shell(`rm -f night.jsonl; ${lines}`)
  // The second run has nothing left to do.
  expect(sorted(stdout)).toEqual(['one', 'two'])
})

it('docs/results.md: its lines for the shell do what they say', async () => {
  const [overview, forms] = blocks['docs/results.md'].take('sh')
  const { stdout } = await folder.shell(`rm -f night.jsonl; ${overview}${forms}`)
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
  expect(readFileSync(join(folder.path, 'night.csv'), 'utf8')).toMatch(/^index,id,key,state,/)
})

it('docs/report.md: its lines for the shell do what they say', async () => {
  const [lines, live] = blocks['docs/report.md'].take('sh')
  folder.write('jobs.jsonl', '{"command":"true"}')
  const { stderr } = await folder.shell(`rm -f night.jsonl; ${lines}${live!.replace('8080', '0')}`)
  expect(stderr).toMatch(/night\.html: 3 results/)
  expect(stderr).toMatch(/report: http:\/\/127\.0\.0\.1:\d+\/\?token=/)
  expect(readFileSync(join(folder.path, 'night.html'), 'utf8')).toContain('<title>drover report</title>')
  expect(JSON.parse(readFileSync(join(folder.path, 'night.trace.json'), 'utf8')).traceEvents.length).toBeGreaterThan(3)
})

it('docs/pools.md: its lines for the shell do what they say', async () => {
  const [lines] = blocks['docs/pools.md'].take('sh')
  const { stdout } = await folder.shell(`rm -f night.jsonl; ${lines}`)
  expect(stdout).toBe('1\n2\n3\n1\n2\n1\n4\n9\n16\n4\n')
})

it('docs/limits.md: its line for the shell does what it says', async () => {
  const [line] = blocks['docs/limits.md'].take('sh')
  const { stdout } = await folder.shell(`${line!.trimEnd()} || true`)
  const results = stdout
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each))
  results.sort((a, b) => a.index - b.index)
  expect(results).toMatchObject([{ state: 'succeeded' }, { state: 'killed', error: { code: 'ERR_DROVER_MEMORY' } }])
})

it('docs/admission.md: its line for the shell runs', async () => {
  const [line] = blocks['docs/admission.md'].take('sh')
  folder.write('note.txt', 'a note')
  // However busy this machine is.
  await folder.shell(line!.replace('80%', '10000%').replace('100M', '1M'))
  expect(readFileSync(join(folder.path, 'note.txt.gz')).subarray(0, 2).toString('hex')).toBe('1f8b')
})

it('docs/pipe.md: its lines for the shell do what they say', async () => {
  const [lines] = blocks['docs/pipe.md'].take('sh')
  const { stdout, stderr } = await folder.shell(lines!)
  expect(stderr).toBe('')
  expect(stdout).toBe('100000\nblock 1\nname\nann\nbob\nblock 2\nname\neve\n1+2\n3+4\n5\n5050\n')
})

it('docs/slots.md: its lines for the shell do what they say', async () => {
  const [lines] = blocks['docs/slots.md'].take('sh')
  folder.addProgram('wget', 'echo "$@"')
  folder.write('urls.txt', 'https://example.org/1\nhttps://example.org/2\n')
  const { stdout } = await folder.shell(`${lines}drover slots`)
  const [one, two, three, ...state] = stdout.trimEnd().split('\n')
  expect([one, two].sort()).toEqual(['-q https://example.org/1', '-q https://example.org/2'])
  expect(three).toBe('-q https://example.org/')
  expect(state).toEqual(['downloads: 0 of 3 in use, 0 waiting'])
})

it('docs/steering.md: its lines for the shell do what they say', async () => {
  const [lines] = blocks['docs/steering.md'].take('sh')
  const { stdout } = await folder.shell(`${lines}wait $!; echo "ended by $?"; drover ps; cat night.log`)
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
