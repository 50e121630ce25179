import type { IQueueBackend } from 'bullmq'
import type { Backend, TaskQueue, TaskWorker } from './backend.js'
import type { TaskEnvelope } from './task-envelope.js'

/** What is to be ended: a whole run, or one task of it, by its id or key. */
export interface CancelMark {
  /** The id of the run. */
  readonly run: string
  /** The id or key of the task; null for the whole run. */
  readonly task: string | null
}

/** Marks older than this have nothing left to end. */
const MARK_AGE_MS = 30 * 24 * 3_600_000
const MOST_CONTROL_EVENTS = 1_000
const FIELD = /^cancel ([\w-]+)(?:\/(.*))?$/s

/** The queue beside the queue of tasks, in which there are no jobs: only marks, and events that tell of new ones. */
export function controlName(queue: string): string {
  return `${queue}~control`
}

/**
 * Who is to be ended. A mark is kept on the server, for workers that are away or come later, and an event tells those that are there.
 */
export class Control {
  readonly #server: IQueueBackend

  /** @param connected - whose connection is used. */
  constructor(backend: Backend, connected: TaskQueue | TaskWorker) {
    const { queue } = backend.address
    this.#server = connected.getBackend().forQueue(controlName(queue), backend.queueOptions.prefix)
  }

  async cancel({ run, task }: CancelMark): Promise<void> {
    await this.#forgetOld()
    await this.#server.setQueueMeta({ [fieldOf({ run, task })]: String(Date.now()) })
    await this.#server.publishEvent({ event: 'cancel', run, ...(task !== null && { task }) }, MOST_CONTROL_EVENTS)
  }

  /** A run is submitted again: what was to be ended of it is to be run. */
  async clear(run: string): Promise<void> {
    const meta = await this.#server.getQueueMeta()
    const fields = Object.keys(meta).filter((field) => markOf(field)?.run === run)
    if (fields.length === 0) return
    await this.#server.removeQueueMetaFields(fields)
    await this.#server.publishEvent({ event: 'clear', run }, MOST_CONTROL_EVENTS)
  }

  async marks(): Promise<CancelMark[]> {
    const meta = await this.#server.getQueueMeta()
    return Object.keys(meta)
      .map(markOf)
      .filter((mark) => mark !== null)
  }

  async #forgetOld(): Promise<void> {
    const oldest = Date.now() - MARK_AGE_MS
    const meta = await this.#server.getQueueMeta()
    const old = Object.entries(meta).filter(([field, at]) => markOf(field) !== null && Number(at) < oldest)
    if (old.length > 0) await this.#server.removeQueueMetaFields(old.map(([field]) => field))
  }
}

/** The marks that a worker knows of. */
export class KnownMarks {
  #marks = new Set<string>()

  get size(): number {
    return this.#marks.size
  }

  replace(marks: readonly CancelMark[]): void {
    this.#marks = new Set(marks.map(fieldOf))
  }

  add(mark: CancelMark): void {
    this.#marks.add(fieldOf(mark))
  }

  clear(run: string): void {
    for (const field of this.#marks) if (markOf(field)?.run === run) this.#marks.delete(field)
  }

  covers({ run, id, key }: Pick<TaskEnvelope, 'run' | 'id' | 'key'>): boolean {
    if (this.#marks.size === 0) return false
    return (
      this.#marks.has(fieldOf({ run, task: null })) ||
      this.#marks.has(fieldOf({ run, task: key })) ||
      (id !== undefined && this.#marks.has(fieldOf({ run, task: id })))
    )
  }
}

function fieldOf({ run, task }: CancelMark): string {
  return task === null ? `cancel ${run}` : `cancel ${run}/${task}`
}

function markOf(field: string): CancelMark | null {
  const match = FIELD.exec(field)
  return match === null ? null : { run: match[1]!, task: match[2] ?? null }
}
