/** Done already (undefined), or a promise that resolves when it is. Saves a promise where nothing has to be waited for. */
export type Maybe = undefined | Promise<void>

/** What may be handed in as a {@link Maybe}: a function without a result is one that is done already. */
export type MaybeVoid = void | Promise<void>

/** Goes on with `next` when `first` is done: at once where it is already, never when it was rejected. */
export function after(first: MaybeVoid, next: () => MaybeVoid): Maybe {
  if (first !== undefined) return first.then(next)
  return next() ?? undefined
}

/** Calls `cleanup` when `first` is settled, whichever way. */
export function settled(first: MaybeVoid, cleanup: () => void): Maybe {
  if (first !== undefined) return first.finally(cleanup)
  cleanup()
  return undefined
}

export interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

export function deferred(): Deferred {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

export function ignore(): void {}
