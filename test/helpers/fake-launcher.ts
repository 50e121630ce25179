import { isRead } from '../../src/launcher/output-spec.js'
import type {
  Child,
  ChildEvents,
  ChildExit,
  Launcher,
  LauncherCapabilities,
  OutputStream,
  StartSpec,
} from '../../src/launcher/port.js'

/** What a child of the {@link FakeLauncher} does by itself. */
export interface FakePlan {
  /** Milliseconds from its start to its end. Default: it ends in the next turn of the event loop. */
  readonly durationMs?: number
  readonly exitCode?: number
  /** What it dies of when nobody signals it. */
  readonly signal?: NodeJS.Signals
  /** The system's code with which it does not start. */
  readonly spawnError?: string
  /** Whether the launcher loses it at the end of its time. */
  readonly lost?: boolean
  readonly stdout?: string
  readonly stderr?: string
  /** Whether only KILL ends it. */
  readonly ignoresTerm?: boolean
}

/** A launcher without processes: children do what a plan says, or, without a plan, what the test tells them. */
export class FakeLauncher implements Launcher {
  readonly name = 'node'
  readonly capabilities: LauncherCapabilities = {
    endsWithParent: true,
    findsDoubleForks: true,
    bytes: true,
    usage: true,
    realPipes: true,
    limits: true,
    locks: false,
    jobservers: false,
    slots: false,
  }
  readonly children: FakeChild[] = []
  /** How many run at this moment, and how many did at the most. */
  running = 0
  mostRunning = 0
  onStart: ((child: FakeChild) => void) | null = null
  onEnd: ((child: FakeChild) => void) | null = null
  readonly #plan: (child: FakeChild) => FakePlan | null

  /** @param plan - null leaves the child to the test. */
  constructor(plan: (child: FakeChild) => FakePlan | null = () => null) {
    this.#plan = plan
  }

  start(spec: StartSpec, events: ChildEvents): FakeChild {
    const child = new FakeChild(spec, events, this.children.length + 1, (alive) => {
      this.running += alive ? 1 : -1
      this.mostRunning = Math.max(this.mostRunning, this.running)
      if (!alive) this.onEnd?.(child)
    })
    this.children.push(child)
    this.onStart?.(child)
    const plan = this.#plan(child)
    if (plan !== null) child.follow(plan)
    return child
  }

  async survivors(scope: string): Promise<number> {
    return this.#count(scope)
  }

  async signalScope(scope: string, signal: NodeJS.Signals): Promise<number> {
    const reached = this.#count(scope)
    for (const child of this.children) if (child.spec.scope === scope) void child.signalTree(signal)
    return reached
  }

  async close(): Promise<void> {}

  #count(scope: string): number {
    return this.children.reduce((sum, child) => sum + (child.spec.scope === scope ? child.alive : 0), 0)
  }
}

type Phase = 'starting' | 'running' | 'ended'

/** One pretended child. Its `spawn`, `print`, `exit` and so on are for the test; the rest is the port. */
export class FakeChild implements Child {
  readonly spec: StartSpec
  readonly signals: NodeJS.Signals[] = []
  readonly paused: Record<OutputStream, boolean> = { stdout: false, stderr: false }
  readonly released: Record<OutputStream, boolean> = { stdout: false, stderr: false }
  /** Processes that it has beside itself; KILL and TERM end them with it. */
  leftovers = 0
  phase: Phase = 'starting'
  pid: number | null = null
  readonly #events: ChildEvents
  readonly #number: number
  readonly #onAlive: (alive: boolean) => void
  readonly #open: Record<OutputStream, boolean>
  #ignoresTerm = false
  #timer: NodeJS.Timeout | null = null
  #immediate: NodeJS.Immediate | null = null

  constructor(spec: StartSpec, events: ChildEvents, number: number, onAlive: (alive: boolean) => void) {
    this.spec = spec
    this.#events = events
    this.#number = number
    this.#onAlive = onAlive
    this.#open = { stdout: isRead(spec.stdout), stderr: isRead(spec.stderr) }
    onAlive(true)
  }

  /** Processes of its tree, itself included. */
  get alive(): number {
    return this.leftovers + (this.phase === 'ended' ? 0 : 1)
  }

  follow(plan: FakePlan): void {
    this.#ignoresTerm = plan.ignoresTerm ?? false
    process.nextTick(() => {
      if (plan.spawnError !== undefined) return this.failToStart(plan.spawnError)
      if (this.phase === 'ended') return
      this.spawn()
      if (plan.stdout !== undefined) this.print('stdout', plan.stdout)
      if (plan.stderr !== undefined) this.print('stderr', plan.stderr)
      const end = () => {
        if (this.phase === 'ended') return
        if (plan.lost === true) this.lose()
        else this.exit(plan.signal === undefined ? { exitCode: plan.exitCode ?? 0 } : { signal: plan.signal })
      }
      if (plan.durationMs === undefined) setImmediate(end)
      else this.#timer = setTimeout(end, plan.durationMs)
    })
  }

  spawn(): void {
    this.pid = 100_000 + this.#number
    this.phase = 'running'
    this.#events.onSpawn(this.pid)
  }

  failToStart(code: string): void {
    if (this.phase === 'ended') return
    this.#end()
    this.#events.onSpawnError({ code, message: `pretended ${code}` })
  }

  print(stream: OutputStream, text: string | Buffer): void {
    const chunk = Buffer.from(text as string)
    if (this.spec[stream].to === 'count') this.#events.onOutputCounted?.(stream, chunk.length)
    else this.#events.onOutput(stream, chunk)
  }

  endOutput(stream: OutputStream): void {
    if (!this.#open[stream]) return
    this.#open[stream] = false
    this.#events.onOutputEnd(stream)
  }

  /** Ends it; its output too, unless it is held. */
  exit(how: Partial<ChildExit> & { held?: boolean } = {}): void {
    if (this.phase === 'ended') return
    this.#end()
    const { held = false, ...exit } = how
    if (!held) {
      this.endOutput('stdout')
      this.endOutput('stderr')
    }
    this.#events.onExit({
      exitCode: exit.signal === undefined ? 0 : null,
      signal: null,
      cpuUserMs: 1,
      cpuSystemMs: 2,
      maxRssBytes: 3,
      groupAlive: this.leftovers > 0,
      ...exit,
    })
  }

  lose(): void {
    if (this.phase === 'ended') return
    this.#end()
    this.#events.onLost({ code: 'ERR_DROVER_LOST', message: 'pretended' })
  }

  /** As on another machine: it has ended, and what it had printed is lost on its way. */
  loseOutput(): void {
    this.#events.onLost({ code: 'ERR_DROVER_LOST', message: 'pretended' })
  }

  write(): boolean {
    return true
  }

  endInput(): void {}

  pauseOutput(stream: OutputStream): void {
    this.paused[stream] = true
  }

  resumeOutput(stream: OutputStream): void {
    this.paused[stream] = false
  }

  closeOutput(stream: OutputStream): void {
    setImmediate(() => this.endOutput(stream))
  }

  unref(): void {}

  ref(): void {}

  releaseOutput(stream: OutputStream): void {
    this.released[stream] = true
  }

  async signalTree(signal: NodeJS.Signals): Promise<number> {
    const reached = this.alive
    if (reached === 0) return 0
    this.signals.push(signal)
    const ends = signal === 'SIGKILL' || (signal === 'SIGTERM' && !this.#ignoresTerm)
    if (ends) {
      this.leftovers = 0
      this.#immediate ??= setImmediate(() => this.exit({ signal }))
    }
    return reached
  }

  async countTree(): Promise<number> {
    return this.alive
  }

  #end(): void {
    this.phase = 'ended'
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    this.#onAlive(false)
  }
}
