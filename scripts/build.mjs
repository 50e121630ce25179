// Builds dist/: the library as a few modules with their types, and the command line as one file that starts fast.
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { pruneTypes } from './prune-types.mjs'
import { buildReportPage } from './report-page.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
execFileSync(
  process.execPath,
  [join(typescript, 'bin/tsc'), '-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly'],
  {
    stdio: 'inherit',
  },
)
const { exports, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const types = Object.values(exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [relative('dist', entry.types)],
)
pruneTypes(dist, types)

// Few files: Node opens all modules that a module needs at once, which a low limit of descriptors does not allow for hundreds.
const library = await rolldown({
  input: {
    index: join(root, 'src/index.ts'),
    'worker/index': join(root, 'src/worker/index.ts'),
    'worker/module-main': join(root, 'src/worker/module-main.ts'),
    'observe/opentelemetry/index': join(root, 'src/observe/opentelemetry/index.ts'),
    'fleet/index': join(root, 'src/fleet/index.ts'),
    'fleet/keeper-main': join(root, 'src/fleet/private-server/keeper-main.ts'),
  },
  platform: 'node',
  external: /^[^./]/,
})
await library.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'library-[name]-[hash].js',
})
await library.close()

const peers = Object.keys(peerDependencies)
const bundle = await rolldown({
  input: { drover: join(root, 'src/cli/main.ts') },
  platform: 'node',
  resolve: { mainFields: ['module', 'main'] },
  // Whoever has a fleet installs them beside drover.
  external: (id) => peers.some((name) => id === name || id.startsWith(`${name}/`)),
})
// CommonJS: its loader is there already when Node starts, that of modules takes as long as all of drover.
await bundle.write({
  dir: dist,
  format: 'cjs',
  minify: true,
  entryFileNames: '[name].cjs',
  // Beside the entry, so that what is found relative to a file is found from all of them.
  chunkFileNames: 'drover-[name]-[hash].cjs',
})
await bundle.close()

await buildReportPage(root, join(dist, 'report-page.html'))

// What a usual run compiles is put beside it.
copyFileSync(join(root, 'scripts/code-cache.cjs'), join(dist, 'code-cache.cjs'))
const record = `require('./code-cache.cjs').record(process.argv[1])`
const words = [join(dist, 'drover.cjs'), 'run', '--jobs', '2', 'true', ':::', '1']
// Whether that run went well is for the tests to say.
spawnSync(process.execPath, ['-e', record, ...words], { cwd: dist, stdio: 'ignore' })
