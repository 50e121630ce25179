import type { JobserverEvents, LauncherJobserver } from '../../src/launcher/port.js'
import type { SlotContext, SlotPermit, SlotSource } from '../../src/slots/slot-source.js'

/** A jobserver's pipe. What is asked of it is answered when the test says so. */
export class FakePipe {
  tokens: number[]
  readonly ends = new Set<FakeEnd>()

  constructor(tokens: number) {
    this.tokens = Array<number>(tokens).fill(43)
  }

  open(events: JobserverEvents): FakeEnd {
    const end = new FakeEnd(this, events)
    this.ends.add(end)
    return end
  }

  /** Those that something could be told now. */
  get ready(): FakeEnd[] {
    return [...this.ends].filter((end) => end.isReady)
  }
}

/** One process's way to it: requests go in their order, and are not looked at before the test lets them. */
export class FakeEnd implements LauncherJobserver {
  readonly #pipe: FakePipe
  readonly #events: JobserverEvents
  readonly #requests: (() => void)[] = []
  #wanted = 0
  held = 0

  constructor(pipe: FakePipe, events: JobserverEvents) {
    this.#pipe = pipe
    this.#events = events
  }

  get isReady(): boolean {
    return this.#requests.length > 0 || (this.#wanted > 0 && this.#pipe.tokens.length >= this.#wanted)
  }

  /** Does one thing. */
  step(): void {
    const request = this.#requests.shift()
    if (request !== undefined) return request()
    const tokens = this.#pipe.tokens.splice(0, this.#wanted)
    this.#wanted = 0
    this.held += tokens.length
    this.#events.onTokens(Buffer.from(tokens))
  }

  want(count: number): void {
    this.#requests.push(() => {
      this.#wanted = count
    })
  }

  give(tokens: Uint8Array): void {
    this.#requests.push(() => {
      this.held -= tokens.length
      this.#pipe.tokens.push(...tokens)
    })
  }

  drain(): void {
    this.#requests.push(() => {
      this.#pipe.tokens = []
      this.#wanted = 0
      this.held = 0
    })
  }

  async close(): Promise<void> {
    for (const request of this.#requests.splice(0)) request()
    this.#pipe.tokens.push(...Array<number>(Math.max(0, this.held)).fill(43))
    this.held = 0
    this.#pipe.ends.delete(this)
  }
}

/** Something that runs tasks as a scheduler does, on slots of a source; which ends next is the test's choice. */
export class FakeRun {
  readonly queue: number[]
  readonly running: { readonly weight: number; readonly permit: SlotPermit }[] = []
  readonly concurrency: number
  readonly source: SlotSource
  #end: FakeEnd | null = null

  constructor(
    weights: readonly number[],
    concurrency: number,
    pipe: FakePipe,
    make: (context: SlotContext) => SlotSource,
  ) {
    this.queue = [...weights]
    this.concurrency = concurrency
    this.source = make({
      launcher: {
        openJobserver: async (_spec: unknown, events: JobserverEvents) => {
          this.#end = pipe.open(events)
          return this.#end
        },
      },
      run: 'fake',
      shed: () => false,
      concurrency: () => concurrency,
      onChange: () => this.pump(),
      onError: (error: unknown) => {
        throw error
      },
      onWarning: (message: string) => {
        throw new Error(message)
      },
    } as unknown as SlotContext)
  }

  get isOver(): boolean {
    return this.queue.length + this.running.length === 0
  }

  /** Whether nothing of the pipe is here, and nothing on its way to it. */
  get hasGivenBack(): boolean {
    return this.#end === null || (this.#end.held === 0 && !this.#end.isReady)
  }

  pump(): void {
    while (this.queue.length > 0 && this.#fits(this.queue[0]!)) {
      const permit = this.source.take(this.queue[0]!)
      if (permit === null) return
      this.running.push({ weight: this.queue.shift()!, permit })
    }
    if (this.queue.length === 0) this.source.unwanted()
  }

  finish(index: number): void {
    const [task] = this.running.splice(index, 1)
    task!.permit.release()
    this.pump()
  }

  #fits(weight: number): boolean {
    const used = this.running.reduce((sum, task) => sum + task.weight, 0)
    return this.running.length === 0 || used + weight <= this.concurrency
  }
}
