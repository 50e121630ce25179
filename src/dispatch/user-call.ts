/** Runs a callback of the user's; what it throws is a rejection. Undefined when there is nothing to wait for. */
export function userCall(callback: () => void | Promise<void>): Promise<void> | undefined {
  try {
    return callback() ?? undefined
  } catch (error) {
    return Promise.reject(error)
  }
}
