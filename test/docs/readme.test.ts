import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRedis, type TestServer } from '../fleet/support.js'
import { Drover } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { DocFolder, sorted } from './doc-folder.js'
import { blocksOfPages } from './pages.js'

const folder = new DocFolder()
const blocks = blocksOfPages('README.md')
// What there is to try first is in newcomer.test.ts.
blocks['README.md'].takeSection('Try it')
const lines = blocks['README.md'].take('sh')[0]!.trimEnd().split('\n')

let redis: TestServer
beforeAll(async () => {
  redis = await startRedis()
  folder.addProgram('pngcrush', 'cp "$2" "$3"')
  folder.write('a b.png', 'a picture')
  folder.write('cat.txt', 'cat\ncat\n')
  folder.write('jobs.jsonl', '{"command":"echo one"}\n{"command":"echo two; exit 3"}\n')
  folder.write('worker.js', 'export const handle = (n) => n + 1\n')
  folder.write('big.log', 'a line of a log\n'.repeat(700_000))
}, 60_000)
afterAll(async () => {
  await redis?.remove()
  folder.remove()
})

const results = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const states = (stdout: string) =>
  results(stdout)
    .map(({ state }) => state)
    .sort()

/** What each line prints, by the word that tells it from the others. */
const CHECKS: Readonly<Record<string, (line: string) => Promise<void>>> = {
  'seq 5000': async (line) => {
    const { stdout } = await folder.shell(line)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 5000 }, (_, n) => n + 1))
  },
  pngcrush: async (line) => {
    await folder.shell(line)
    expect(readdirSync(folder.path)).toContain('a b.min.png')
  },
  'grep -c': async (line) => {
    // grep has found nothing in two cases.
    const { stdout } = await folder.shell(`${line} || [ $? = 1 ]`)
    expect(stdout).toBe('2\n0\n')
  },
  '--retries 2': async (line) => {
    const { stdout } = await folder.shell(`${line} --backoff 1ms || [ $? = 1 ]`)
    expect(states(stdout)).toEqual(['failed', 'succeeded'])
    expect(results(stdout).find(({ state }) => state === 'failed')).toMatchObject({ attempt: 3, attempts: 3 })
  },
  '--module': async (line) => {
    const { stdout } = await folder.shell(line)
    expect(stdout).toBe(`${Array.from({ length: 100 }, (_, n) => n + 2).join('\n')}\n`)
  },
  '--resume': async (line) => {
    expect(sorted((await folder.shell(`${line} || [ $? = 1 ]`)).stdout)).toEqual(['one', 'two'])
    // What failed of itself is not tried again, and counts all the same.
    expect((await folder.shell(`${line} || [ $? = 1 ]`)).stdout).toBe('')
  },
  'drover report': async (line) => {
    await folder.shell(line)
    expect(readdirSync(folder.path)).toContain('night.html')
  },
  '--pipe': async (line) => {
    const { stdout } = await folder.shell(line)
    const counts = stdout.trimEnd().split('\n').map(Number)
    expect(counts).toHaveLength(2)
    expect(counts[0]! + counts[1]!).toBe(700_000)
  },
  'drover ps': async (line) => {
    expect((await folder.shell(line)).stdout).toBe('nothing goes on\n')
  },
  '--queue': async (line) => {
    const address = redis.address('readme')
    const worker = new Drover(['work', '--queue', address, '--outputs', join(folder.path, 'outputs')], {
      cwd: folder.path,
    })
    try {
      await until('it works', () => worker.stderr.includes(' works for '))
      const { stdout } = await folder.shell(`${line.replace('redis://host', `'${address}'`)} || [ $? = 1 ]`)
      expect(sorted(stdout)).toEqual(['one', 'two'])
    } finally {
      worker.process.kill('SIGTERM')
      await worker.end
    }
  },
}

it.each(lines)('%s', { timeout: 60_000 }, async (line) => {
  const [code] = line.split(/ {2,}#/)
  const found = Object.entries(CHECKS).filter(([word]) => code!.includes(word))
  expect(found).toHaveLength(1)
  await found[0]![1](code!)
})

it('its program prints what it says', async () => {
  const [code] = blocks['README.md'].take('ts')
  folder.write('a.txt', 'four')
  folder.write('b.txt', 'sixsix')
  // It asks git, which knows this repository and no other folder.
  await folder.shell(`git init -q . && git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m first`)
  const { stdout, stderr } = await folder.javaScript(code!)
  expect(stderr).toBe('')
  expect(sorted(stdout.replaceAll(/\n\n/g, '\n'))).toEqual(['succeeded 4 a.txt', 'succeeded 6 b.txt'])
})
