// What npm would publish: how large it is, that each file in it belongs there, and whether its types are those of its code
// for everyone who can import it (ECMAScript modules only, so not for `require` of old, nor without package exports).
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'

/** Raised knowingly: what has made it grow is named in the commit that does it. */
const LIMITS = { packedBytes: 1_700_000, unpackedBytes: 4_500_000, files: 300 }

const BELONGS =
  /^(?:package\.json|(?:README|CHANGELOG)\.md|LICENSE|bin\/drover\.cjs|docs\/(?:api\/)?[\w-]+\.md|clients\/README\.md|clients\/php\/\w+\.php|clients\/python\/\w+\.py|prebuilds\/linux-\w+\/drover-launcher|dist\/(?:[\w-]+\/)*[\w-]+(?:\.js|\.cjs|\.d\.ts)|dist\/report-page\.html|dist\/drover\.cjs\.[\w.-]+\.cache)$/

/** Ways to import that a package of ECMAScript modules is not for. */
const NOT_OURS = ['node10', 'node16-cjs']

/** Without the scripts that build: what is packed is what is there. */
function pack(folder) {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const [packed] = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  return { ...packed, tarball: readFileSync(join(folder, packed.filename)) }
}

function sizeProblems({ size, unpackedSize, entryCount }) {
  console.log(`${size} bytes packed, ${unpackedSize} unpacked, ${entryCount} files`)
  const measured = { packedBytes: size, unpackedBytes: unpackedSize, files: entryCount }
  return Object.entries(LIMITS)
    .filter(([what, limit]) => measured[what] > limit)
    .map(([what, limit]) => `${what} is ${measured[what]}, more than ${limit}`)
}

function fileProblems({ files }) {
  const strays = files
    .filter(({ path }) => !BELONGS.test(path))
    .map(({ path }) => `${path} does not belong in the package`)
  const modes = files
    .filter(({ path, mode }) => /^(?:bin|prebuilds)\//.test(path) && (mode & 0o111) === 0)
    .map(({ path }) => `${path} is not executable`)
  return [...strays, ...modes]
}

async function typeProblems({ tarball }) {
  const { types, problems } = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))
  if (!types) return ['there are no types']
  return problems
    .filter(({ resolutionKind, resolutionOption }) => !NOT_OURS.includes(resolutionKind ?? resolutionOption))
    .map((problem) => `types: ${JSON.stringify(problem)}`)
}

const folder = mkdtempSync(join(tmpdir(), 'drover-package-'))
try {
  const packed = pack(folder)
  const problems = [...sizeProblems(packed), ...fileProblems(packed), ...(await typeProblems(packed))]
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
