/**
 * The one form of a JSON value: that of RFC 8785. Members sorted by the UTF-16 units of their names, no spaces, numbers and
 * strings as `JSON.stringify` writes them. Values that have no JSON form are treated as `JSON.stringify` treats them, so that a
 * value has the same form before and after it has been through JSON. Beyond the RFC, half of a surrogate pair is written as
 * `\udXXX`.
 *
 * @throws TypeError for a bigint, and for the whole being undefined; RangeError for what is nested too deep, or in itself.
 */
export function canonicalJson(value: unknown): string {
  const text = textOf(value, '')
  if (text === undefined) throw new TypeError(`a value of type ${typeof value} has no form in JSON`)
  return text
}

function textOf(given: unknown, name: string): string | undefined {
  const value = hasToJson(given) ? given.toJSON(name) : given
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item, place) => textOf(item, String(place)) ?? 'null').join(',')}]`
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return JSON.stringify(value)
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    const text = textOf((value as Record<string, unknown>)[key], key)
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${members.join(',')}}`
}

function hasToJson(value: unknown): value is { toJSON(name: string): unknown } {
  return typeof value === 'object' && value !== null && typeof (value as { toJSON?: unknown }).toJSON === 'function'
}
