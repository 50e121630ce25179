import { isRead } from '../launcher/output-spec.js'
import type { Child, OutputStream, StartSpec } from '../launcher/port.js'
import type { ExecutionOptions } from './execution-options.js'
import { OutputCapture } from './output-capture.js'

const STREAMS: readonly OutputStream[] = ['stdout', 'stderr']

/**
 * What comes of a child's two streams: it is kept, and passed on to its receiver as fast as that takes it.
 *
 *   open ── end of file, or closed by us ──► ended
 *     └─ the receiver has no room: the child is not read until it has
 */
export class OutputIntake {
  /** What is kept. */
  readonly kept: Readonly<Record<OutputStream, OutputCapture>>
  readonly #receiver: ExecutionOptions['onOutput']
  readonly #onChange: () => void
  readonly #open: Record<OutputStream, boolean>
  /** How many chunks of each stream their receiver has no room after. */
  readonly #waiting: Record<OutputStream, number> = { stdout: 0, stderr: 0 }
  #lastMs = 0
  #takesAll = false

  /** @param onChange - called when a stream has ended, and when a receiver has room again. */
  constructor(
    spec: StartSpec,
    { maxOutputBytes, onOutput }: Pick<ExecutionOptions, 'maxOutputBytes' | 'onOutput'>,
    onChange: () => void,
  ) {
    this.kept = { stdout: new OutputCapture(maxOutputBytes), stderr: new OutputCapture(maxOutputBytes) }
    this.#open = { stdout: isRead(spec.stdout), stderr: isRead(spec.stderr) }
    this.#receiver = onOutput
    this.#onChange = onChange
  }

  /** Whether more may come. */
  get isOpen(): boolean {
    return this.#open.stdout || this.#open.stderr
  }

  /** Whether a receiver has no room, and is waited for. */
  get isWaiting(): boolean {
    return !this.#takesAll && this.#waiting.stdout + this.#waiting.stderr > 0
  }

  /** When something came last, or a receiver had room again, by the monotonic clock. */
  get lastMs(): number {
    return this.#lastMs
  }

  take(child: Child | null, stream: OutputStream, chunk: Buffer): void {
    this.#lastMs = performance.now()
    this.kept[stream].append(chunk)
    const room = this.#receiver?.(stream, chunk)
    if (room !== undefined) this.#waitForRoom(child, stream, room)
  }

  /** So much has come that nobody wants to see. */
  count(stream: OutputStream, bytes: number): void {
    this.#lastMs = performance.now()
    this.kept[stream].count(bytes)
  }

  end(stream: OutputStream): void {
    this.#open[stream] = false
    this.#onChange()
  }

  /** Nothing is left that prints: what is still in the pipes is taken in, room or no room. */
  takeAll(child: Child | null): void {
    this.#takesAll = true
    for (const stream of STREAMS) if (this.#waiting[stream] > 0) this.#readOn(child, stream)
  }

  /** @param released - whether whoever holds a stream open may go on writing to it, else it is closed. */
  leave(child: Child, released: boolean): void {
    for (const stream of STREAMS) {
      if (!this.#open[stream]) continue
      if (released) child.releaseOutput(stream)
      else child.closeOutput(stream)
    }
  }

  #waitForRoom(child: Child | null, stream: OutputStream, room: Promise<void>): void {
    this.#waiting[stream] += 1
    if (!this.#takesAll) child?.pauseOutput(stream)
    const goOn = () => {
      this.#waiting[stream] -= 1
      this.#lastMs = performance.now()
      if (this.#waiting[stream] === 0) this.#readOn(child, stream)
    }
    room.then(goOn, goOn)
  }

  #readOn(child: Child | null, stream: OutputStream): void {
    if (this.#open[stream]) child?.resumeOutput(stream)
    this.#onChange()
  }
}
