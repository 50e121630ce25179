import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { PROGRAM } from '../helpers/drover.js'
import { ROOT } from './pages.js'

export interface Printed {
  readonly stdout: string
  readonly stderr: string
}

/** A folder in which what pages show is run: drover is installed there, as a package and as a command. */
export class DocFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'drover-docs-'))
  readonly bin = join(this.path, 'bin')
  /** Runs are registered there, apart from those of other tests, and slots. */
  readonly #runtime = join(this.path, 'runtime')
  #programs = 0

  /** @param packages - what is installed there beside drover. */
  constructor(packages: readonly string[] = []) {
    mkdirSync(join(this.path, 'node_modules'))
    symlinkSync(ROOT, join(this.path, 'node_modules/drover'))
    for (const name of packages) symlinkSync(join(ROOT, 'node_modules', name), join(this.path, 'node_modules', name))
    mkdirSync(this.bin)
    mkdirSync(this.#runtime, { mode: 0o700 })
    this.write('package.json', '{ "type": "module" }')
    // In place of it, so that the pid is that of drover, as where it is installed.
    this.addProgram('drover', `exec '${process.execPath}' '${PROGRAM}' "$@"`)
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.path, name), content)
  }

  /** A program for the PATH, as lines for the shell. */
  addProgram(name: string, lines: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${lines}\n`)
    chmodSync(join(this.bin, name), 0o755)
  }

  /** Runs lines for the shell; rejects where their status is not 0. */
  shell(lines: string, env: NodeJS.ProcessEnv = {}): Promise<Printed> {
    return this.run('bash', ['-c', lines], env)
  }

  /** Runs a program in JavaScript, which stays in the folder. */
  javaScript(code: string, cwd?: string): Promise<Printed> {
    const name = `program-${++this.#programs}.mjs`
    this.write(name, code)
    return this.run(process.execPath, [join(this.path, name)], {}, cwd)
  }

  run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = this.path): Promise<Printed> {
    const path = [this.bin, dirname(process.execPath), process.env.PATH].join(delimiter)
    const all = { ...process.env, XDG_RUNTIME_DIR: this.#runtime, ...env, PATH: path }
    return promisify(execFile)(program, args, { cwd, env: all, timeout: 60_000, maxBuffer: 16 << 20 })
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The name of the file that a program in JavaScript is, where it begins with one. */
export function fileNameOf(code: string): string | null {
  return /^\/\/ ([\w-]+\.m?js)\n/.exec(code)?.[1] ?? null
}

/** The lines of a text, in an order of their own. */
export function sorted(text: string): string[] {
  return text.trimEnd().split('\n').sort()
}
