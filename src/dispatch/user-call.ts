/**
 * Runs a callback of the user's.
 *
 * @param onError - gets what it throws, at once; a rejection is the caller's to handle.
 * @returns its promise, or undefined when there is nothing to wait for.
 */
export function userCall(callback: () => unknown, onError: (error: unknown) => void): PromiseLike<unknown> | undefined {
  try {
    const returned = callback()
    return isPromise(returned) ? returned : undefined
  } catch (error) {
    onError(error)
    return undefined
  }
}

/** Not instanceof: users answer with promises of another make or realm, and with values that nobody asked for. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function'
}
