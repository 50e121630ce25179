import { type CheckedForEach, checkForEach, type ForEachOptions } from './for-each-options.js'
import { ForEachRun } from './for-each-run.js'
import type { ItemModule, ItemOf, ValueOf } from './item-module.js'
import type { Items } from './items.js'
import { Workers } from './workers.js'

/**
 * Has each item handled by a module's function `handle`, in processes of its own that stay for many items. Items are pulled only
 * as processes get free, at most `concurrency` ahead of what is done, and none while as many results wait to be read. Nothing
 * starts before it is iterated or {@link ForEachRun.summary} is called.
 *
 * The processes import the module by themselves: unlike with a fork, nothing of this process's memory is inherited. An item
 * reaches them as a structured clone.
 *
 * @typeParam Module - `typeof import('./user.js')`: the types of items and values are then those of its `handle`.
 * @param items - an array or another iterable, a generator, a stream, or a function that gives the next item, and `null` or
 * `undefined` when there is no more. When it throws, what was pulled is finished, and then the loop rejects with that.
 * @param handler - the module, as `new URL('./user.js', import.meta.url)`.
 * @throws OptionError for an option that cannot be used; nothing was started then.
 *
 * @example
 * const url = new URL('./user.js', import.meta.url)
 * for await (const { item, value, error } of forEach<typeof import('./user.js')>(users, url, { concurrency: 8 })) …
 */
export function forEach<Item>(items: Items<Item>, handler: URL, options?: ForEachOptions<Item>): ForEachRun<Item>
export function forEach<Module extends ItemModule>(
  items: Items<ItemOf<Module>>,
  handler: URL,
  options?: ForEachOptions<ItemOf<Module>, ValueOf<Module>>,
): ForEachRun<ItemOf<Module>, ValueOf<Module>>
export function forEach<Item, Value>(
  items: Items<Item>,
  handler: URL,
  options: ForEachOptions<Item, Value> = {},
): ForEachRun<Item, Value> {
  const checked = checkForEach(handler, options)
  return new ForEachRun(items, checked, new Workers(checked as CheckedForEach, false))
}
