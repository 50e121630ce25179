/** A bar that is too short to be drawn by itself. */
export interface ShortBar {
  /** The pixel that it begins in. */
  readonly pixel: number
  readonly color: number
  /** Of several colors in a pixel, that with the greatest weight is drawn. */
  readonly weight: number
  /** Whether it is of what people look for, which is drawn above the others. */
  readonly standsOut: boolean
}

/** How much of a pixel's height is taken by a single one that stands out, however many others there are. */
const LEAST_SHARE = 0.3

/**
 * Draws bars that share pixels, in the order of their pixels: of each pixel what is usual in one color, and above it what stands out, as high as
 * its share is, so that one failure among a hundred does not look like a hundred.
 */
export class SharedPixels {
  readonly #drawUsual: (color: number, from: number, to: number) => void
  readonly #drawOutstanding: (color: number, pixel: number, share: number) => void
  #pixel = -1
  #count = 0
  #usual = -1
  #usualWeight = -1
  #outstanding = -1
  #outstandingWeight = -1
  #outstandingCount = 0
  /** Pixels side by side with the same usual color. */
  #run = { color: -1, from: 0, to: 0 }

  constructor(
    drawUsual: (color: number, from: number, to: number) => void,
    drawOutstanding: (color: number, pixel: number, share: number) => void,
  ) {
    this.#drawUsual = drawUsual
    this.#drawOutstanding = drawOutstanding
  }

  add({ pixel, color, weight, standsOut }: ShortBar): void {
    if (pixel !== this.#pixel) {
      this.#endPixel()
      this.#pixel = pixel
    }
    this.#count += 1
    if (standsOut) {
      this.#outstandingCount += 1
      if (weight > this.#outstandingWeight) [this.#outstanding, this.#outstandingWeight] = [color, weight]
    } else if (weight > this.#usualWeight) [this.#usual, this.#usualWeight] = [color, weight]
  }

  /** To be called before something else is drawn there. */
  flush(): void {
    this.#endPixel()
    this.#endRun()
  }

  #endPixel(): void {
    if (this.#count === 0) return
    const run = this.#run
    if (this.#usual === run.color && this.#pixel === run.to) run.to += 1
    else {
      this.#endRun()
      this.#run = { color: this.#usual, from: this.#pixel, to: this.#pixel + 1 }
    }
    if (this.#outstanding !== -1)
      this.#drawOutstanding(this.#outstanding, this.#pixel, Math.max(LEAST_SHARE, this.#outstandingCount / this.#count))
    this.#count = this.#outstandingCount = 0
    this.#usual = this.#usualWeight = this.#outstanding = this.#outstandingWeight = -1
  }

  #endRun(): void {
    const { color, from, to } = this.#run
    if (color !== -1 && to > from) this.#drawUsual(color, from, to)
    this.#run = { color: -1, from: 0, to: 0 }
  }
}
