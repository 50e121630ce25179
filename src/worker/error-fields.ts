/** What was thrown, as JSON can carry it. Never throws, whatever it is. */
export function errorFields(error: unknown): Record<string, unknown> {
  try {
    return fieldsOf(error)
  } catch {
    return { name: 'Error', message: 'what was thrown cannot be described' }
  }
}

function fieldsOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), data: jsonOrNothing(error) }
  const { name, message, stack, code, ...data } = error as Error & { code?: unknown }
  return {
    name: String(name),
    message: String(message),
    ...(code === undefined ? {} : { code: String(code) }),
    ...(typeof stack === 'string' ? { stack } : {}),
    ...(Object.keys(data).length === 0 ? {} : { data: jsonOrNothing(data) }),
  }
}

function jsonOrNothing(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value)) as unknown
  } catch {
    return undefined
  }
}
