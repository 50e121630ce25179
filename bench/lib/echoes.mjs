/**
 * A message that no other is like: its number, filled up.
 *
 * @param {number} number
 * @param {number} bytes
 */
export function messageOf(number, bytes) {
  return `${number} `.padEnd(bytes, 'the quick brown fox jumps over the lazy dog; ')
}

/**
 * @param {string} message
 * @param {unknown} answer
 * @throws when it is not the message that came back.
 */
export function checkEcho(message, answer) {
  if (answer === message) return
  const found =
    typeof answer === 'string' ? `${answer.length} bytes, ${JSON.stringify(answer.slice(0, 20))}…` : typeof answer
  throw new Error(`the answer is wrong: ${found} to ${message.length} bytes, ${JSON.stringify(message.slice(0, 20))}…`)
}
