/** Characters that take two columns of a terminal: those of East Asia, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** How many columns of a terminal a text without control characters takes at the most. */
export function textWidth(text: string): number {
  // Nothing else is as frequent.
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += WIDE.test(character) ? 2 : 1
  return width
}

/** The text with spaces behind it, so that it takes so many columns at the least. */
export function padText(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)))
}

/** As much of the text as so many columns hold, with an ellipsis where that is not all. */
export function cutText(text: string, columns: number): string {
  // A column holds a character at the least, so that of a long text only the beginning has to be looked at.
  const beginning = [...text.slice(0, 2 * columns + 2)]
  if (textWidth(beginning.join('')) <= columns) return text
  let cut = ''
  let width = 0
  for (const character of beginning) {
    width += WIDE.test(character) ? 2 : 1
    if (width >= columns) break
    cut += character
  }
  return columns > 0 ? `${cut}…` : ''
}
