import { closeSync, createReadStream, openSync, writeSync } from 'node:fs'
import { pipeline, Writable } from 'node:stream'
import { checkRegular, feedRanges } from '../node/file-ranges.js'
import type {
  Child,
  ChildEvents,
  ChildExit,
  OutputSpec,
  OutputStream,
  StartError,
  StartSpec,
  StdinSpec,
  WatchedUse,
} from '../port.js'
import { checkRanges } from '../ranges.js'

type FileInput = Extract<StdinSpec, { from: 'file' }>

/** Milliseconds without output after which a file is held by a descendant, and not still on its way. */
const HELD_MS = 1_000

/** What a child elsewhere gets in place of a file of this machine's: a pipe that is fed from it, or that is written to it here. */
export class LocalFiles implements ChildEvents {
  readonly spec: StartSpec
  readonly #input: FileInput | null
  readonly #events: ChildEvents
  readonly #files: Record<OutputStream, number | null> = { stdout: null, stderr: null }
  #child: Child | null = null
  #onRoom: (() => void) | null = null
  #feeding: Writable | null = null
  /** What is told when the files are complete. */
  #exit: { readonly exit: ChildExit; readonly timer: NodeJS.Timeout } | null = null

  /** Whether a start names any. */
  static has({ stdin, stdout, stderr }: StartSpec): boolean {
    return stdin.from === 'file' || stdout.to === 'file' || stderr.to === 'file'
  }

  /** @throws the system's error for a file that cannot be opened; nothing stays open then. */
  constructor(spec: StartSpec, events: ChildEvents) {
    this.#events = events
    this.#input = spec.stdin.from === 'file' ? spec.stdin : null
    const piped = (output: OutputSpec): OutputSpec => (output.to === 'file' ? { to: 'pipe' } : output)
    this.spec = {
      ...spec,
      stdin: spec.stdin.from === 'file' ? { from: 'pipe' } : spec.stdin,
      stdout: piped(spec.stdout),
      stderr: piped(spec.stderr),
    }
    if (spec.stdin.from === 'file') checkInput(spec.stdin)
    this.#files.stdout = openOutput(spec.stdout)
    try {
      this.#files.stderr = isSame(spec) ? this.#files.stdout : openOutput(spec.stderr)
    } catch (error) {
      this.#close()
      throw error
    }
  }

  /** To be called with the child that was started with {@link spec}, and with this for its events. */
  attach(child: Child): Child {
    this.#child = child
    return child
  }

  onSpawn(pid: number, agoMs?: number): void {
    if (this.#input !== null) this.#feed(this.#input)
    this.#events.onSpawn(pid, agoMs)
  }

  onTakenBack(): void {
    this.#close()
    this.#events.onTakenBack?.()
  }

  onSpawnError(error: StartError): void {
    this.#close()
    this.#events.onSpawnError(error)
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    const file = this.#files[stream]
    if (file === null) return this.#events.onOutput(stream, chunk)
    this.#exit?.timer.refresh()
    try {
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at)
    } catch {
      // As a full disk would be told to a child of this machine's: what it writes is not taken.
      this.#child?.closeOutput(stream)
    }
  }

  onOutputCounted(stream: OutputStream, bytes: number): void {
    this.#events.onOutputCounted?.(stream, bytes)
  }

  onOutputEnd(stream: OutputStream): void {
    const file = this.#files[stream]
    if (file === null) return this.#events.onOutputEnd(stream)
    this.#files[stream] = null
    if (this.#files.stdout !== file && this.#files.stderr !== file) closeSync(file)
    if (!this.#isWriting) this.#tellExit()
  }

  /** Told when the files are complete, as those of a child of this machine's are then; a descendant that holds them is not waited for. */
  onExit(exit: ChildExit): void {
    this.#stopFeeding()
    if (!this.#isWriting) return this.#events.onExit(exit)
    this.#exit = { exit, timer: setTimeout(() => this.#tellExit(), HELD_MS) }
  }

  onLost(error: StartError): void {
    this.#stopFeeding()
    this.#close()
    // It had ended, but what it had printed has not all come.
    if (this.#exit !== null) clearTimeout(this.#exit.timer)
    this.#exit = null
    this.#events.onLost(error)
  }

  onDrain(): void {
    const onRoom = this.#onRoom
    this.#onRoom = null
    if (onRoom === null) this.#events.onDrain?.()
    else onRoom()
  }

  onUse(use: WatchedUse): void {
    this.#events.onUse?.(use)
  }

  onInputFailed(error: StartError): void {
    this.#events.onInputFailed?.(error)
  }

  onInputClosed(): void {
    this.#stopFeeding()
    this.#events.onInputClosed?.()
  }

  #feed({ path, ranges }: FileInput): void {
    const child = this.#child!
    const input = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (child.write(chunk)) done()
        else this.#onRoom = done
      },
      final: (done) => {
        child.endInput()
        done()
      },
      destroy: (error, done) => {
        child.endInput()
        done(error)
      },
    })
    this.#feeding = input
    if (ranges !== undefined) return feedRanges(path, ranges, input, (error) => this.onInputFailed(error))
    pipeline(createReadStream(path), input, (error) => {
      // Not read to its end, because nobody wanted it.
      if (error === null || error === undefined || this.#feeding === null) return
      const { code = 'ERR_DROVER_STDIN', message } = error
      this.onInputFailed({ code, message: `cannot read ${path}: ${message}` })
    })
  }

  get #isWriting(): boolean {
    return this.#files.stdout !== null || this.#files.stderr !== null
  }

  #tellExit(): void {
    if (this.#exit === null) return
    const { exit, timer } = this.#exit
    this.#exit = null
    clearTimeout(timer)
    this.#events.onExit(exit)
  }

  #stopFeeding(): void {
    const feeding = this.#feeding
    this.#feeding = null
    feeding?.destroy()
  }

  #close(): void {
    const files = new Set([this.#files.stdout, this.#files.stderr])
    this.#files.stdout = null
    this.#files.stderr = null
    for (const file of files) if (file !== null) closeSync(file)
  }
}

function isSame({ stdout, stderr }: StartSpec): boolean {
  return stdout.to === 'file' && stderr.to === 'file' && stdout.path === stderr.path
}

function checkInput({ path, ranges }: FileInput): void {
  if (ranges === undefined) return closeSync(openSync(path, 'r'))
  checkRanges(ranges)
  checkRegular(path)
}

function openOutput(output: OutputSpec): number | null {
  return output.to === 'file' ? openSync(output.path, output.append === true ? 'a' : 'w', 0o600) : null
}
