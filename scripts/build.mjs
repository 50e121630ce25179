// Builds dist/: the library as modules with their types, and the command line as one file that starts fast.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
rmSync(join(root, 'dist'), { recursive: true, force: true })
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
})

const bundle = await rolldown({
  input: { drover: join(root, 'src/cli/main.ts') },
  platform: 'node',
  resolve: { mainFields: ['module', 'main'] },
})
await bundle.write({
  dir: join(root, 'dist'),
  format: 'esm',
  minify: true,
  entryFileNames: '[name].js',
  // Beside the entry, so that what is found relative to a module is found from all of them.
  chunkFileNames: 'drover-[name]-[hash].js',
})
await bundle.close()
