import { sha256 } from './sha256.js'

/**
 * A table from 128-bit-hashed strings to numbers that takes about 24 bytes an entry at the most, where a Map takes over
 * 100 and ends at 2^24 entries. It keeps 64 bits of each hash: with 20 million entries the chance that any two
 * different strings are taken for one is about 1 in 100,000.
 *
 * Open addressing with linear probing in flat arrays:
 *
 *   high  [ h1 | 0  | h7 | h3 | 0 ]     two 32-bit halves of the fingerprint; 0,0 is an empty place
 *   low   [ l1 | 0  | l7 | l3 | 0 ]
 *   value [  4 | 0  | 12 |  1 | 0 ]
 */
export class FingerprintTable {
  #high: Uint32Array
  #low: Uint32Array
  #value: Float64Array
  #mask: number
  #size = 0

  constructor(capacity = 1024) {
    const places = 2 ** Math.ceil(Math.log2(Math.max(16, capacity)))
    this.#high = new Uint32Array(places)
    this.#low = new Uint32Array(places)
    this.#value = new Float64Array(places)
    this.#mask = places - 1
  }

  get size(): number {
    return this.#size
  }

  /** Sets the value of a fingerprint and returns the one it had, or undefined. */
  set(fingerprint: Fingerprint, value: number): number | undefined {
    if ((this.#size + 1) * 4 > (this.#mask + 1) * 3) this.#grow()
    const place = this.#find(fingerprint.high, fingerprint.low)
    const known = this.#isFull(place)
    const before = known ? this.#value[place] : undefined
    this.#high[place] = fingerprint.high
    this.#low[place] = fingerprint.low
    this.#value[place] = value
    if (!known) this.#size += 1
    return before
  }

  get(fingerprint: Fingerprint): number | undefined {
    const place = this.#find(fingerprint.high, fingerprint.low)
    return this.#isFull(place) ? this.#value[place] : undefined
  }

  #isFull(place: number): boolean {
    return this.#high[place] !== 0 || this.#low[place] !== 0
  }

  #find(high: number, low: number): number {
    let place = low & this.#mask
    while (this.#isFull(place) && (this.#high[place] !== high || this.#low[place] !== low))
      place = (place + 1) & this.#mask
    return place
  }

  #grow(): void {
    const [high, low, value] = [this.#high, this.#low, this.#value]
    const places = (this.#mask + 1) * 2
    this.#high = new Uint32Array(places)
    this.#low = new Uint32Array(places)
    this.#value = new Float64Array(places)
    this.#mask = places - 1
    for (let old = 0; old < high.length; old++) {
      if (high[old] === 0 && low[old] === 0) continue
      const place = this.#find(high[old]!, low[old]!)
      this.#high[place] = high[old]!
      this.#low[place] = low[old]!
      this.#value[place] = value[old]!
    }
  }
}

/** 64 bits of a hash; never both 0. */
export interface Fingerprint {
  readonly high: number
  readonly low: number
}

/** The fingerprint of a string or bytes, from SHA-256. */
export function fingerprint(content: string | Uint8Array): Fingerprint {
  return fingerprintOfDigest(sha256().update(content).digest())
}

/** The fingerprint in the first eight bytes of a digest. */
export function fingerprintOfDigest(digest: Buffer): Fingerprint {
  const low = digest.readUInt32LE(4)
  return { high: digest.readUInt32LE(0), low: low === 0 ? 1 : low }
}
