import { readProcesses, type TreeUse, usesOf } from './process-uses.js'

export type WatchedTree = {
  onUse(use: TreeUse): void
} & (
  | {
      /** The pid of its first process, which leads a session. */
      readonly root: number
    }
  | {
      /** Tells what it uses. */
      look(): TreeUse
    }
)

/** How often is looked. */
const INTERVAL_MS = 50

const NO_USE: TreeUse = { bytes: 0, processes: 0 }
const NO_USES: ReadonlyMap<number, TreeUse> = new Map()

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
  const roots = new Set([...watched].flatMap((tree) => ('root' in tree ? [tree.root] : [])))
  const uses = roots.size === 0 ? NO_USES : usesOf(roots, readProcesses())
  for (const tree of [...watched]) tree.onUse('look' in tree ? tree.look() : (uses.get(tree.root) ?? NO_USE))
}
