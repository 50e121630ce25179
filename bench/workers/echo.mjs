/**
 * The work of every worker: the message comes back.
 *
 * @param {string} message
 */
export const handle = (message) => message
