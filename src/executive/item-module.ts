import type { RequestContext } from '../worker/serve.js'

/**
 * What a module exports whose functions run in the worker processes of `forEach()` and `daemon()`. Each process imports the
 * module by itself: unlike with a fork, nothing of the parent's memory is inherited.
 */
export interface ItemModule {
  /** Handles one item. What it returns is the result's `value`; what it throws, its `error`. */
  readonly handle: (item: never, context: never) => unknown
  /** Called once in each process, before its first item. When it throws, that process was not started. */
  readonly setup?: () => unknown
  /** Called once in each process, after its last item. */
  readonly teardown?: () => unknown
}

/** The items that a module's `handle` takes, as in `ItemOf<typeof import('./user.js')>`. */
export type ItemOf<Module extends ItemModule> = Module['handle'] extends (
  item: infer Item,
  context: RequestContext,
) => unknown
  ? Item
  : never

/** What a module's `handle` returns, or resolves to. */
export type ValueOf<Module extends ItemModule> = Awaited<ReturnType<Module['handle']>>
