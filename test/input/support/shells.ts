import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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
 * Runs each line with `shell -c`, in an empty directory of its own where no program can be found, and returns which of
 * them made a file `marker-N`, N being the number of the line.
 */
export function linesThatMadeMarkers(shell: readonly string[], lines: readonly Buffer[]): number[] {
  return inTemporaryDirectory((directory) => {
    lines.forEach((line, number) => {
      mkdirSync(join(directory, `${number}`))
      writeFileSync(join(directory, `${number}.line`), line)
    })
    // Built-in commands only, and the line handed over as an argument, as a launcher does.
    const run = `${shell.join(' ')} -c "$line" </dev/null >/dev/null 2>&1`
    const driver = `for ((n = 0; n < ${lines.length}; n++)); do IFS= read -r -d '' line <"$1/$n.line"; cd "$1/$n"; ${run}; done`
    const { status } = spawnSync('/bin/bash', ['-c', `${driver}; exit 0`, 'driver', directory], {
      env: { PATH: '/nonexistent' },
      timeout: 300_000,
    })
    if (status !== 0) throw new Error('not all lines were run')
    return lines
      .map((_, number) => number)
      .filter((number) => existsSync(join(directory, `${number}`, `marker-${number}`)))
  })
}
