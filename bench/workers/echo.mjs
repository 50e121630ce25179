// The work of every worker: the message comes back. Each pool looks for it under another name.

/** @param {string} message */
export const handle = (message) => message
export const echo = handle
export default handle
