/**
 * What a live report is told when it asks for what is new: packed pieces, each behind its length in four bytes, the head first. Of those with
 * rows the last one is open: it will be sent again with more in it.
 */
export interface Answer<Bytes extends Uint8Array = Uint8Array> {
  readonly head: Bytes
  readonly sealed: readonly Bytes[]
  readonly open: Bytes | null
  /** Whether there are pieces that have not been sent for now. */
  readonly hasMore: boolean
}

const LENGTH_BYTES = 4

export function answerBytes({ head, sealed, open, hasMore }: Answer): Uint8Array[] {
  const flags = new Uint8Array([hasMore ? 1 : 0, open === null ? 0 : 1])
  return [flags, head, ...sealed, ...(open === null ? [] : [open])].flatMap((piece, place) =>
    place === 0 ? [piece] : [lengthOf(piece), piece],
  )
}

/** @throws RangeError when the bytes are something else. */
export function readAnswer(bytes: Uint8Array<ArrayBuffer>): Answer<Uint8Array<ArrayBuffer>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for (let at = 2; at < bytes.length; ) {
    const length = view.getUint32(at)
    at += LENGTH_BYTES
    if (at + length > bytes.length) throw new RangeError('the answer of the live report ends too early')
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  const head = pieces.shift()
  if (head === undefined) throw new RangeError('the answer of the live report is empty')
  return { head, open: bytes[1] === 1 ? (pieces.pop() ?? null) : null, sealed: pieces, hasMore: bytes[0] === 1 }
}

function lengthOf(piece: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES)
  new DataView(bytes.buffer).setUint32(0, piece.length)
  return bytes
}
