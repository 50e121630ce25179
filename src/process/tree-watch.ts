import { readProcesses, type TreeUse, usesOf } from './process-uses.js'

export interface WatchedTree {
  /** The pid of its first process, which leads a session. */
  readonly root: number
  onUse(use: TreeUse): void
}

/** How often is looked. */
const INTERVAL_MS = 50

const watched = new Set<WatchedTree>()
let timer: NodeJS.Timeout | null = null

/**
 * Tells again and again what a tree uses. Linux only. It keeps no event loop alive.
 *
 * @returns a function that ends it.
 */
export function watchTree(tree: WatchedTree): () => void {
  watched.add(tree)
  timer ??= setInterval(look, INTERVAL_MS).unref()
  return () => {
    watched.delete(tree)
    if (watched.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }
}

function look(): void {
  const use = usesOf(new Set([...watched].map(({ root }) => root)), readProcesses())
  for (const tree of [...watched]) tree.onUse(use.get(tree.root) ?? { bytes: 0, processes: 0 })
}
