import type { TaskOutput } from './blob.js'
import { after, type Maybe } from './maybe.js'
import { type Outlets, printOutput } from './outlet.js'
import type { PrintQueue } from './print-queue.js'
import type { Shelf } from './shelf.js'

/**
 * Keeps the order of the input. One task has its turn: what it prints may go out. When it has ended, so does all that
 * waits on the shelf right behind it, and the next task that still runs has its turn.
 *
 *   printed | turn | waiting or running …
 */
export class Turns {
  readonly #shelf: Shelf
  readonly #queue: PrintQueue
  readonly #outlets: Outlets
  readonly #onTurn: (index: number) => Maybe
  #turn = 0
  #moving = false

  /** `onTurn` is called, within the queue, when it is the turn of a task that has not ended yet. */
  constructor(shelf: Shelf, queue: PrintQueue, outlets: Outlets, onTurn: (index: number) => Maybe) {
    this.#shelf = shelf
    this.#queue = queue
    this.#outlets = outlets
    this.#onTurn = onTurn
  }

  /** Whether it is the turn of this task, so that what it prints may go to the queue. */
  isTurnOf(index: number): boolean {
    return index === this.#turn && !this.#moving
  }

  /** Takes all that is left of a task's output, once for each task: prints it or lets it wait. */
  finish(index: number, output: TaskOutput): Maybe {
    if (this.isTurnOf(index)) return this.#move(() => this.#printTurn(output))
    this.#shelf.startAt(this.#turn)
    const stored = this.#shelf.put(index, output)
    if (stored === undefined) return this.#wake()
    const woken = this.#wake()
    return stored.finally(() => after(woken, () => this.#wake()))
  }

  /** Prints all that waits, in order, whatever is missing in between. */
  close(): Maybe {
    return this.#queue.run(async () => {
      for (let index = this.#shelf.first(); index !== null; index = this.#shelf.first()) {
        await this.#shelf.take(index, this.#outlets)
      }
    })
  }

  #wake(): Maybe {
    if (this.#moving || !this.#shelf.has(this.#turn)) return undefined
    return this.#move(() => this.#takeTurn())
  }

  #move(print: () => Maybe): Maybe {
    this.#moving = true
    return this.#queue.run(() => this.#advance(print))
  }

  #advance(print: () => Maybe): Maybe {
    let printed = print()
    while (printed === undefined && this.#shelf.has(this.#turn)) printed = this.#takeTurn()
    return printed === undefined ? this.#rest() : this.#advanceSlowly(printed)
  }

  async #advanceSlowly(first: Promise<void>): Promise<void> {
    const failures: unknown[] = []
    const note = (error: unknown) => void failures.push(error)
    await first.catch(note)
    while (this.#shelf.has(this.#turn)) await this.#takeTurn()?.catch(note)
    await this.#rest()
    if (failures.length > 0) throw failures[0]
  }

  #printTurn(output: TaskOutput): Maybe {
    this.#turn += 1
    return printOutput(this.#turn - 1, output, this.#outlets)
  }

  #takeTurn(): Maybe {
    this.#turn += 1
    return this.#shelf.take(this.#turn - 1, this.#outlets)
  }

  #rest(): Maybe {
    this.#moving = false
    return this.#onTurn(this.#turn)
  }
}
