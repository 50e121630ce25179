// A handler that leaks: a process grows by half a megabyte with each item that it handles.
const leaked = []

/** @param {number} item */
export function handle(item) {
  leaked.push(Buffer.alloc(512 * 1024, item))
  return leaked.length
}
