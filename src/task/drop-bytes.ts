/** The chunks that remain after the first `count` bytes of them are gone. */
export function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let first = 0
  let rest = count
  while (first < chunks.length && rest >= chunks[first]!.length) {
    rest -= chunks[first]!.length
    first += 1
  }
  const remaining = chunks.slice(first)
  if (rest > 0) remaining[0] = remaining[0]!.subarray(rest)
  return remaining
}
