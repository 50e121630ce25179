import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

it('the command line makes spans where a module before it sets OpenTelemetry up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-otel-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const url = (name: string) => JSON.stringify(import.meta.resolve(name))
  const setUp = join(folder, 'tracing.mjs')
  writeFileSync(
    setUp,
    `import { trace } from ${url('@opentelemetry/api')}
    import { BasicTracerProvider, SimpleSpanProcessor } from ${url('@opentelemetry/sdk-trace-base')}
    const exporter = {
      export(spans, done) {
        for (const { name, attributes } of spans) console.error('span', name, attributes['drover.task.state'])
        done({ code: 0 })
      },
      shutdown: async () => {},
    }
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))`,
  )
  const words = [join(ROOT, 'bin/drover.cjs'), 'run', '--quiet', 'echo', ':::', 'a']
  const env = { ...process.env, NODE_OPTIONS: `--import ${pathToFileURL(setUp)}` }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { env, timeout: 20_000 })
  expect(stdout).toBe('a\n')
  expect(stderr).toBe('span sh succeeded\n')
})
