import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { DocFolder, fileNameOf } from './doc-folder.js'
import { blocksOf, PAGES, ROOT } from './pages.js'

const folder = new DocFolder(['@types', '@opentelemetry', 'bullmq', 'ioredis', 'pino'])
afterAll(() => folder.remove())

it('programs on pages call functions, and give options, that there are', { timeout: 60_000 }, async () => {
  const programs = PAGES.flatMap(blocksOf).filter(({ language }) => ['js', 'ts'].includes(language))
  expect(programs.length).toBeGreaterThan(20)
  const files = programs.map(({ page, line, language, code }) => {
    const name = fileNameOf(code) ?? `${page.replaceAll(/\W/g, '-')}-${line}.${language === 'ts' ? 'mts' : 'mjs'}`
    folder.write(name, code)
    return name
  })
  // As strict as it can be for JavaScript, whose parameters say no types.
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2023', 'dom', 'esnext.disposable'], module: 'nodenext', types: ['node'] },
    ...{ allowJs: true, checkJs: true, noEmit: true, skipLibCheck: true, preserveSymlinks: true },
    ...{ strict: true, noImplicitAny: false, useUnknownInCatchVariables: false, strictNullChecks: false },
  }
  writeFileSync(join(folder.path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const compiled = promisify(execFile)(process.execPath, [compiler, '-p', folder.path], { cwd: folder.path })
  const printed = await compiled.then(
    () => '',
    ({ stdout, stderr }) => `${stdout}${stderr}`,
  )
  // In JavaScript one may ask for a property that not all have whom a value may be, or that came over a channel.
  const fine = [
    /TS2339: Property '\w+' does not exist on type '(?:unknown|.* \| .*)'/,
    /parameter of type 'ChannelListener'/,
  ]
  const isFine = (line: string) => fine.some((each) => each.test(line))
  expect(printed.split('\n').filter((line) => line.includes('error TS') && !isFine(line))).toEqual([])
})
