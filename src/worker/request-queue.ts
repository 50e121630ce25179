import { printingFor, printingForNobody } from './printed-output.js'
import type { RequestContext } from './serve.js'

/** How a request is answered, by the side that read it. */
export interface Answering {
  onValue(id: number, value: unknown): void
  onError(id: number, error: unknown): void
}

/** How many requests that were begun may be kept before they are dropped. */
const MOST_BEGUN = 64

interface Waiting {
  readonly id: number
  readonly request: unknown
}

/** Requests that wait, and those that are being handled, in order and at most so many at a time. */
export class RequestQueue {
  readonly #handle: (request: never, context: RequestContext) => unknown
  readonly #concurrency: number
  readonly #running = new Map<number, CancelSwitch>()
  /** Those before `next` are begun; they are dropped when they are many. */
  #waiting: Waiting[] = []
  #next = 0
  #answering: Answering | null = null
  #isPumping = false
  #onEmpty: (() => void) | null = null

  constructor(handle: (request: never, context: RequestContext) => unknown, concurrency: number) {
    this.#handle = handle
    this.#concurrency = concurrency
  }

  answerWith(answering: Answering): void {
    this.#answering = answering
  }

  add(id: number, request: unknown): void {
    this.#waiting.push({ id, request })
    this.#pump()
  }

  /** Nobody waits for the answer any more. One that was not begun is answered with an AbortError. */
  cancel(id: number): void {
    const running = this.#running.get(id)
    if (running !== undefined) return running.cancel()
    const place = this.#waiting.findIndex((waiting, index) => index >= this.#next && waiting.id === id)
    if (place === -1) return
    this.#waiting.splice(place, 1)
    this.#answering?.onError(id, cancelled())
  }

  /** Resolves as soon as there is nothing to do. */
  async whenEmpty(): Promise<void> {
    while (this.#running.size > 0 || this.#next < this.#waiting.length) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve
      })
    }
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#running.size < this.#concurrency && this.#next < this.#waiting.length) {
      const { id, request } = this.#waiting[this.#next]!
      this.#next += 1
      if (this.#next === MOST_BEGUN) {
        this.#waiting.splice(0, MOST_BEGUN)
        this.#next = 0
      }
      this.#begin(id, request)
    }
    this.#isPumping = false
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
      if (this.#running.size === 0) this.#onEmpty?.()
    }
  }

  #begin(id: number, request: unknown): void {
    const context = new CancelSwitch()
    this.#running.set(id, context)
    let value: unknown
    try {
      value = printingFor(id, this.#concurrency === 1, () => this.#handle(request as never, context))
      // Whatever has a method then: it is called once, later, and what it throws is a rejection.
      if (isThenable(value) && !(value instanceof Promise)) value = Promise.resolve(value)
    } catch (error) {
      this.#end(id)
      this.#answering?.onError(id, error)
      return
    }
    if (!(value instanceof Promise)) {
      this.#end(id)
      this.#answering?.onValue(id, value)
      return
    }
    value.then(
      (resolved) => {
        this.#end(id)
        this.#answering?.onValue(id, resolved)
        this.#pump()
      },
      (error) => {
        this.#end(id)
        this.#answering?.onError(id, error)
        this.#pump()
      },
    )
  }

  #end(id: number): void {
    this.#running.delete(id)
    if (this.#concurrency === 1) printingForNobody()
  }
}

/** Makes its signal only for a handler that asks for it. */
class CancelSwitch implements RequestContext {
  #controller: AbortController | null = null
  #isCancelled = false

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isCancelled) this.#controller.abort(cancelled())
    return this.#controller.signal
  }

  cancel(): void {
    this.#isCancelled = true
    this.#controller?.abort(cancelled())
  }
}

function cancelled(): Error {
  const error = new Error('nobody waits for the answer any more')
  error.name = 'AbortError'
  return error
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
