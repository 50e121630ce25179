import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { blocksOf, ROOT } from './pages.js'

/** From the beginning of `npm install` to the last line. */
const MOST_MS = 5 * 60_000

const folder = mkdtempSync(join(tmpdir(), 'drover-newcomer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }), MOST_MS)

/** A checkout as git would make it, with what is not committed yet. */
function checkOut(): string {
  const checkout = join(folder, 'drover')
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const names = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0')
  for (const name of names.filter((each) => each !== '')) {
    const target = join(checkout, name)
    mkdirSync(dirname(target), { recursive: true })
    cpSync(join(ROOT, name), target)
  }
  return checkout
}

it('whoever follows the README to the letter has a first report within five minutes', {
  timeout: MOST_MS,
}, async () => {
  const block = blocksOf('README.md').find(({ section }) => section === 'Try it')!
  const lines = block.code.trimEnd().split('\n')
  const cwd = checkOut()
  const prefix = join(folder, 'prefix')
  const path = [join(prefix, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path, npm_config_prefix: prefix, npm_config_prefer_offline: 'true' }
  const printed = new Map<string, string>()
  const begun = performance.now()
  for (const line of lines) {
    const before = performance.now()
    const { stdout } = await promisify(execFile)('bash', ['-c', line], { cwd, env })
    printed.set(line.replace(/ *#.*/, ''), stdout)
    console.log(`${((performance.now() - before) / 1_000).toFixed(1)} s  ${line}`)
  }
  console.log(`${((performance.now() - begun) / 1_000).toFixed(1)} s from npm install to the last line`)
  const outputs = [...printed].map(([line, text]) => [line.split(' ').slice(0, 2).join(' '), text])
  expect(readFileSync(join(cwd, 'first.html'), 'utf8')).toContain('<title>drover report</title>')
  expect(Object.fromEntries(outputs)).toEqual({
    'npm install': expect.stringContaining('succeeded'),
    'npm link': expect.anything(),
    'drover doctor': expect.stringMatching(/^launcher +native$/m),
    'drover run': expect.stringMatching(/^(?:\d+\n){20,}$/),
    'drover report': '',
    'drover results': expect.stringMatching(/^(?:succeeded .*gzip -9c .*\n){3}$/),
  })
})
