import type { StartSpec } from '../port.js'

class UnsupportedError extends Error {
  readonly code = 'ERR_DROVER_UNSUPPORTED'
}

/** @throws UnsupportedError when the start asks for what `child_process` cannot do before the program runs. */
export function refuseUnsupported({ nice, limits, treeLimits, groups }: StartSpec): void {
  const what =
    nice !== undefined && nice !== 0
      ? 'change the niceness of'
      : Object.values({ ...limits, ...treeLimits }).some((limit) => limit !== undefined)
        ? 'limit the resources of'
        : groups !== undefined && groups.length > 0
          ? 'set the control group of'
          : null
  if (what === null) return
  throw new UnsupportedError(`the node launcher cannot ${what} a program before it runs; the native launcher can`)
}
