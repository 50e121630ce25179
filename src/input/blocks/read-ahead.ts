/** The same values, the next of which is always asked for while the last one is in use. */
export async function* readAhead<Value>(values: AsyncGenerator<Value, void>): AsyncGenerator<Value, void> {
  let coming: Promise<IteratorResult<Value, void>> | null = null
  try {
    coming = values.next()
    for (;;) {
      const step = await coming
      if (step.done === true) return
      coming = values.next()
      // Told when it is asked for, and not before.
      coming.catch(() => {})
      yield step.value
    }
  } finally {
    // Not waited for: a stream that has nothing to give at the moment would hold up whoever leaves.
    values.return().catch(() => {})
  }
}
