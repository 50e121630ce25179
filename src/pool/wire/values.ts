import { deserialize, serialize } from 'node:v8'

/** How a value is written down; the first byte of its payload. */
export const Codec = { none: 0, json: 1, text: 2, bytes: 3, clone: 4 } as const

/** A value on its way: text is not turned into bytes before it is written. */
export interface EncodedValue {
  readonly codec: number
  readonly body: string | Uint8Array
}

/** The version of V8's format. Two sides with the same can send each other clones. */
export const CLONE_VERSION: number = serialize(null)[1]!

const NOTHING: EncodedValue = { codec: Codec.none, body: '' }

/**
 * @param clones - whether the other side reads clones; else what is neither text nor bytes goes as JSON.
 *
 * @throws DataCloneError, or TypeError, for what cannot be sent, as a function or (as JSON) a BigInt.
 */
export function encodeValue(value: unknown, clones: boolean): EncodedValue {
  if (typeof value === 'string') {
    // Half a surrogate pair has no UTF-8.
    return clones && !isWellFormed(value)
      ? { codec: Codec.clone, body: serialize(value) }
      : { codec: Codec.text, body: value }
  }
  if (value === undefined) return NOTHING
  if (value instanceof Uint8Array) return { codec: Codec.bytes, body: value }
  if (clones) return { codec: Codec.clone, body: serialize(value) }
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`a ${typeof value} cannot be sent as JSON`)
  return { codec: Codec.json, body: json }
}

/**
 * @param payload - the codec, and what follows it. What is decoded does not refer to it.
 *
 * @throws Error when it is not what its codec says.
 */
export function decodeValue(payload: Buffer): unknown {
  switch (payload[0]) {
    case Codec.none:
      return undefined
    case Codec.json:
      return JSON.parse(payload.toString('utf8', 1))
    case Codec.text:
      return payload.toString('utf8', 1)
    case Codec.bytes:
      return own(payload)
    case Codec.clone:
      // Views in a clone refer to the bytes that it is read from.
      return deserialize(own(payload))
    default:
      throw new Error(`there is no codec ${payload[0]}`)
  }
}

/** The same for a side that reads no clones. */
export function withoutClone(value: EncodedValue): EncodedValue {
  if (value.codec !== Codec.clone) return value
  return encodeValue(deserialize(value.body as Uint8Array), false)
}

/** What follows the codec, in memory of its own; a large payload has that already. */
function own(payload: Buffer): Buffer {
  const body = payload.subarray(1)
  return payload.buffer.byteLength === payload.length ? body : Buffer.from(body)
}

/** The part of ES2024 that Node 20 has, and the library of types for it has not yet. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed()
}
