import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The shells that lines are tried in; /bin/sh is one of them. */
export const SHELLS: readonly (readonly string[])[] = [['/bin/sh'], ['/bin/bash', '--posix'], ['/bin/bash']]

/** A directory that is removed after `use`. */
export function inTemporaryDirectory<Value>(use: (directory: string) => Value): Value {
  const directory = mkdtempSync(join(tmpdir(), 'drover-input-'))
  try {
    return use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs a script and returns its standard output. */
export function runScript(shell: readonly string[], script: Buffer): Buffer {
  return inTemporaryDirectory((directory) => {
    const file = join(directory, 'script')
    writeFileSync(file, script)
    const { stdout } = spawnSync(shell[0]!, [...shell.slice(1), file], {
      cwd: directory,
      timeout: 20_000,
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  })
}

/**
 * Runs each line with `shell -c`, in a directory of its own where no program can be found, and returns which of them
 * made a file `marker-N`, N being the number of the line.
 */
export function linesThatMadeMarkers(shell: readonly string[], lines: readonly Buffer[]): number[] {
  return inTemporaryDirectory((directory) => {
    const scripts = join(directory, 'scripts')
    const work = join(directory, 'work')
    mkdirSync(scripts)
    mkdirSync(work)
    lines.forEach((line, number) => {
      writeFileSync(join(scripts, `${number}`), line)
    })
    // The driver holds each line in a variable as the launcher would hand it over, and has built-in commands only.
    const driver = `for f in ${scripts}/*; do IFS= read -r -d '' line <"$f"; ${shell.join(' ')} -c "$line" </dev/null >/dev/null 2>&1; done`
    spawnSync('/bin/bash', ['-c', driver], { cwd: work, env: { PATH: '/nonexistent' }, timeout: 120_000 })
    return readdirSync(work)
      .filter((name) => /^marker-\d+$/.test(name))
      .map((name) => Number(name.slice(7)))
  })
}
