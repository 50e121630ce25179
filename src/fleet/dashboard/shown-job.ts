/**
 * A job's data as people see it: the task read from its text, without its signature, and without the values of its environment, which
 * is where secrets are.
 */
export function shownEnvelope(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data
  const { proof, task: given, ...rest } = data as { proof?: unknown; task?: unknown }
  const task = typeof given === 'string' ? parsedOrSame(given) : given
  return {
    ...rest,
    ...(given !== undefined && { task: withoutValues(task) }),
    ...(proof !== undefined && { signedWith: (proof as { key?: unknown } | null)?.key ?? true }),
  }
}

/** A result as people see it. */
export function shownResult(value: unknown): unknown {
  return typeof value === 'string' ? parsedOrSame(value) : value
}

function withoutValues(task: unknown): unknown {
  if (typeof task !== 'object' || task === null) return task
  const { env } = task as { env?: unknown }
  if (typeof env !== 'object' || env === null) return task
  return { ...task, env: Object.fromEntries(Object.keys(env).map((name) => [name, '…'])) }
}

function parsedOrSame(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
