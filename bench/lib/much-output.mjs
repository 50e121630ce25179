export const LINE_BYTES = 100

/** @param {number} bytes */
export function zerosCommand(bytes) {
  return `head -c ${bytes} /dev/zero`
}

/**
 * Lines of text, of {@link LINE_BYTES} each with their end.
 *
 * @param {number} bytes
 */
export function linesCommand(bytes) {
  return `yes ${'drover and the herd '
    .repeat(5)
    .slice(0, LINE_BYTES - 1)
    .replaceAll(' ', '-')} | head -c ${bytes}`
}
