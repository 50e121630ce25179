import type { Item } from './bytes.js'

/** Items that stand for each other's turn; a linked group goes in step with the group before it. */
export interface Group<Content = Item> {
  readonly items: readonly Content[]
  readonly linked: boolean
}

/** Every combination of the groups, the first one varying slowest, made one by one. */
export function* combinations<Content>(groups: readonly Group<Content>[]): Generator<Content[]> {
  const blocks = blocksOf(groups)
  if (blocks.some((block) => block.length === 0)) return
  const turns = blocks.map(() => 0)
  for (;;) {
    yield blocks.flatMap((block, place) => block.groups.map((items) => items[turns[place]!]!))
    let place = blocks.length - 1
    while (place >= 0 && turns[place] === blocks[place]!.length - 1) turns[place--] = 0
    if (place < 0) return
    turns[place]! += 1
  }
}

/** How many combinations there are. */
export function countCombinations(groups: readonly Group<unknown>[]): number {
  return blocksOf(groups).reduce((product, block) => product * block.length, 1)
}

interface Block<Content> {
  readonly groups: readonly (readonly Content[])[]
  /** Of linked groups the shorter decides. */
  readonly length: number
}

function blocksOf<Content>(groups: readonly Group<Content>[]): Block<Content>[] {
  const blocks: Block<Content>[] = []
  for (const { items, linked } of groups) {
    const before = linked ? blocks.pop() : undefined
    const length = Math.min(items.length, before?.length ?? items.length)
    blocks.push({ groups: [...(before?.groups ?? []), items], length })
  }
  return blocks
}
