import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Builds what the tests of the command line and of the package run, once before all of them. */
export default function build(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))], {
    stdio: 'inherit',
  })
}
