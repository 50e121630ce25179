import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { uniqueSleep } from '../helpers/processes.js'

const LEAF = fileURLToPath(new URL('./programs/leaf.pl', import.meta.url))

/** Leaves note when they ran; the overlap of what they noted is never more than that of the processes themselves. */
export class Leaves {
  readonly #log: string

  /** @param folder - where they note it. */
  constructor(folder: string) {
    this.#log = join(folder, `leaves-${uniqueSleep()}`)
  }

  /** A command that is one of them. */
  command(seconds = 0.3): string {
    return `exec perl ${LEAF} ${this.#log} ${seconds}`
  }

  /** How many ran at once: at the most, and on average between the first and the last time that it was so many. */
  overlap(): { count: number; most: number; mean: number } {
    const spans = readFileSync(this.#log, 'utf8').trimEnd().split('\n')
    const changes = spans.flatMap((line) => {
      const [begin, end] = line.split(' ').map(Number) as [number, number]
      return [
        { at: begin, by: 1 },
        { at: end, by: -1 },
      ]
    })
    changes.sort((a, b) => a.at - b.at || a.by - b.by)
    let running = 0
    const steps = changes.map(({ at, by }) => {
      running += by
      return { at, running }
    })
    const most = Math.max(...steps.map((step) => step.running))
    const first = steps.findIndex((step) => step.running === most)
    const last = steps.findLastIndex((step) => step.running === most) + 1
    let sum = 0
    for (let n = first; n < last; n += 1) sum += steps[n]!.running * (steps[n + 1]!.at - steps[n]!.at)
    return { count: spans.length, most, mean: sum / (steps[last]!.at - steps[first]!.at) }
  }
}
