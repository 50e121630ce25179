import { OptionError } from '../task/errors.js'
import type { DescriptorSpec } from './port.js'

/** The lowest and the highest number that a child can be given, and how many. */
const FIRST = 3
const LAST = 1023
const MOST = 64

/** @throws OptionError when a child cannot be given these. */
export function checkDescriptors(descriptors: readonly DescriptorSpec[]): void {
  if (descriptors.length > MOST)
    throw new OptionError(`a child can be given ${MOST} descriptors, not ${descriptors.length}`)
  const numbers = new Set<number>()
  for (const descriptor of descriptors) {
    const { as } = descriptor
    if (!Number.isInteger(as) || as < FIRST || as > LAST)
      throw new OptionError(`a descriptor must be given as a number from ${FIRST} to ${LAST}, not ${as}`)
    if (numbers.has(as)) throw new OptionError(`two descriptors are given as ${as}`)
    numbers.add(as)
    if ('inherited' in descriptor && !(Number.isInteger(descriptor.inherited) && descriptor.inherited >= 0))
      throw new OptionError(`an inherited descriptor must be a number from 0 on, not ${descriptor.inherited}`)
  }
}
