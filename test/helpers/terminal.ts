import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mortal } from './mortal.js'
import { until } from './until.js'

export interface TerminalOptions {
  readonly columns: number
  readonly rows: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

const PROMPT = 'ready> '

/** A terminal with a shell in it, drawn by tmux, so that what is on its screen can be looked at. */
export class Terminal implements AsyncDisposable {
  readonly #folder: string
  readonly #socket: string
  readonly #server: ChildProcess

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'drover-terminal-'))
    this.#socket = join(this.#folder, 'tmux')
    // In the foreground, so that it ends with whoever has started it.
    const [program, ...args] = mortal(['tmux', '-S', this.#socket, '-f', '/dev/null', '-D'])
    this.#server = spawn(program!, args, { stdio: 'ignore', env: { ...process.env, LC_ALL: 'C.UTF-8', TMUX: '' } })
  }

  static async open({ columns, rows, cwd = tmpdir(), env = {} }: TerminalOptions): Promise<Terminal> {
    const terminal = new Terminal()
    const set = { LC_ALL: 'C.UTF-8', PS1: PROMPT, ...env }
    const unset = ['CI', 'GITHUB_ACTIONS', 'NO_COLOR'].flatMap((name) => ['-u', name])
    const words = ['env', ...unset, ...Object.entries(set).map(([name, value]) => `${name}=${value}`)]
    const shell = [...words, 'bash', '--norc', '--noprofile', '--noediting']
    try {
      await until('tmux answers', () => terminal.#tries('show-options', '-g'))
      const size = ['-x', String(columns), '-y', String(rows)]
      terminal.#tmux('new-session', '-d', '-s', 't', ...size, '-c', cwd, ...shell)
      await terminal.shows(PROMPT.trim())
    } catch (error) {
      await terminal[Symbol.asyncDispose]()
      throw error
    }
    return terminal
  }

  /** What is on the screen: its rows, without spaces at their ends. */
  get screen(): string {
    return this.#tmux('capture-pane', '-p', '-t', 't').trimEnd()
  }

  /** The same with all that has scrolled away, and with colors as sequences. */
  get history(): string {
    return this.#tmux('capture-pane', '-p', '-e', '-S', '-', '-t', 't').trimEnd()
  }

  type(text: string): void {
    this.#tmux('send-keys', '-t', 't', '-l', text)
  }

  /** A key by its name, as in `Enter`, `C-c`. */
  press(key: string): void {
    this.#tmux('send-keys', '-t', 't', key)
  }

  /** Has the shell run a line. */
  enter(line: string): void {
    this.type(line)
    this.press('Enter')
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-t', 't', '-x', String(columns), '-y', String(rows))
  }

  /** Waits until the screen has it. @throws with what it has in place of it. */
  async shows(what: string | RegExp, deadlineMs?: number): Promise<string> {
    const pattern = typeof what === 'string' ? new RegExp(escaped(what)) : what
    try {
      await until(`the screen shows ${what}`, () => pattern.test(this.screen), deadlineMs)
    } catch (error) {
      throw new Error(`${(error as Error).message}; it shows:\n${this.screen}`)
    }
    return this.screen
  }

  /** Waits until the shell asks for the next line. */
  async isReady(): Promise<void> {
    await this.shows(new RegExp(`(^|\\n)${PROMPT.trim()}$`))
  }

  /** How the terminal behaves, in the words of `stty -a`. */
  get mode(): string {
    const path = this.#tmux('display-message', '-p', '-t', 't', '#{pane_tty}').trim()
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOCTTY)
    try {
      return execFileSync('stty', ['-a'], { encoding: 'utf8', stdio: [fd, 'pipe', 'pipe'] })
    } finally {
      closeSync(fd)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tries('kill-server')
    this.#server.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #tries(...words: string[]): boolean {
    try {
      this.#tmux(...words)
      return true
    } catch {
      return false
    }
  }

  #tmux(...words: string[]): string {
    // It must not start a server of its own.
    return execFileSync('tmux', ['-N', '-S', this.#socket, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
