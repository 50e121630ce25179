import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { blocksOfPages, ROOT } from '../docs/pages.js'
import { PROGRAM } from '../helpers/drover.js'

const page = blocksOfPages('clients/README.md')['clients/README.md']

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-readme-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/drover'))
  const program = join(folder, 'drover')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
  chmodSync(program, 0o700)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(program: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const path = [folder, dirname(process.execPath), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path, PYTHONDONTWRITEBYTECODE: '1' }
  return promisify(execFile)(program, args, { cwd: folder, env })
}

const EXPECTED = {
  js: `Hello, World! working on World
InvalidArgumentException a name is missing
Hello, World! working on World
ValueError a name is missing
`,
  run: `echo a line for the shell; exit 3: failed with exit code 3
102 results
ff
drover: --jobs: expected a number, or one like 50%, +2 or -1, not "many"
`,
}

it('clients/README.md: its programs do what they say', { timeout: 60_000 }, async () => {
  const found: Record<string, unknown> = {}
  for (const { language, code } of page.takeAll()) {
    const [, name = 'program.mjs'] = /^(?:<\?php \/\/|#) (\S+\.(?:php|py))\n/.exec(code) ?? []
    writeFileSync(join(folder, name), code)
    if (language === 'sh') found.sh = await run('sh', '-c', code)
    else if (language === 'js') found.js = await run(process.execPath, name)
    else if (name.startsWith('run')) found[name] = await run(language === 'php' ? 'php' : 'python3', name)
    else found[name] = 'run by the program in JavaScript'
  }
  const silent = { stderr: '' }
  expect(found).toEqual({
    sh: { stdout: '', ...silent },
    'worker.php': expect.any(String),
    'worker.py': expect.any(String),
    js: { stdout: EXPECTED.js, ...silent },
    'run.php': { stdout: EXPECTED.run, ...silent },
    'run.py': { stdout: EXPECTED.run, ...silent },
  })
})
