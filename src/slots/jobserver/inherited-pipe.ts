import { fstatSync, type Stats, statSync } from 'node:fs'
import type { JobserverPlace } from './makeflags.js'

/**
 * Why a jobserver cannot be used, or null when it can.
 *
 * A rule that make does not take for a recursive one (`+`, `$(MAKE)`) is told of descriptors that make has closed before. Their numbers
 * are something else then, in Node its own pipes. So they have to be the same pipes as in the parent, who has them from make as well.
 */
export function problemOfPlace(place: JobserverPlace, parent = process.ppid): string | null {
  if ('fifo' in place) {
    const file = quietly(() => statSync(place.fifo))
    return file?.isFIFO() === true ? null : `${place.fifo} is no named pipe`
  }
  for (const fd of [place.read, place.write]) {
    const own = quietly(() => fstatSync(fd))
    if (own?.isFIFO() !== true) return `descriptor ${fd} is no pipe here`
    const theirs = quietly(() => statSync(`/proc/${parent}/fd/${fd}`))
    if (theirs?.ino !== own.ino || theirs.dev !== own.dev) return `descriptor ${fd} is not the one that was meant`
  }
  return null
}

function quietly(look: () => Stats): Stats | null {
  try {
    return look()
  } catch {
    return null
  }
}
