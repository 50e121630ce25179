/** The span of time that is looked at, which the timeline and the charts share. Milliseconds since 1970. */
export class View {
  #begin = 0
  #end = 1
  #from = 0
  #to = 1
  readonly #listeners: (() => void)[] = []

  get from(): number {
    return this.#from
  }

  get to(): number {
    return this.#to
  }

  get isWhole(): boolean {
    return this.#from <= this.#begin && this.#to >= this.#end
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Sets what there is to look at. Who looks at all of it goes on doing so. */
  limit(begin: number, end: number): void {
    const wasWhole = this.isWhole
    this.#begin = begin
    this.#end = Math.max(end, begin + 1)
    if (wasWhole) this.show(this.#begin, this.#end)
    else this.show(this.#from, this.#to)
  }

  /** Looks at this, as far as there is something; never at less than ten microseconds. */
  show(from: number, to: number): void {
    const whole = this.#end - this.#begin
    const span = Math.min(whole, Math.max(0.01, to - from))
    const start = Math.min(Math.max(from, this.#begin), this.#end - span)
    this.#from = start
    this.#to = start + span
    for (const listener of this.#listeners) listener()
  }

  showAll(): void {
    this.show(this.#begin, this.#end)
  }

  /** @param factor - below 1 for a closer look. @param center - what stays where it is. */
  zoom(factor: number, center = (this.#from + this.#to) / 2): void {
    this.show(center - (center - this.#from) * factor, center + (this.#to - center) * factor)
  }

  /** @param share - of what is looked at. */
  pan(share: number): void {
    const by = (this.#to - this.#from) * share
    this.show(this.#from + by, this.#to + by)
  }
}
