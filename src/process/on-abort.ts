/** What is to be called when a signal is aborted. One listener for all: Node prints a warning at the eleventh. */
const waiting = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>()

/**
 * Calls back when the signal is aborted; at once, where it is already.
 *
 * @returns takes it back; nothing of it is left on the signal then.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  // Whoever was told of a start may have aborted it by then.
  if (signal.aborted) {
    callback()
    return () => {}
  }
  const { callbacks } = waiting.get(signal) ?? listenTo(signal)
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size > 0 || waiting.get(signal)?.callbacks !== callbacks) return
    signal.removeEventListener('abort', waiting.get(signal)!.listener)
    waiting.delete(signal)
  }
}

function listenTo(signal: AbortSignal) {
  const callbacks = new Set<() => void>()
  const listener = () => {
    for (const callback of [...callbacks]) callback()
  }
  const entry = { callbacks, listener }
  waiting.set(signal, entry)
  signal.addEventListener('abort', listener)
  return entry
}
