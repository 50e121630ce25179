/** What was thrown, as JSON can carry it. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), data: jsonOrNothing(error) }
  const { name, message, stack, code, ...data } = error as Error & { code?: unknown }
  return {
    name: String(name),
    message: String(message),
    ...(code === undefined ? {} : { code: String(code) }),
    stack,
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
