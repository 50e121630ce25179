import { eastAsianWidth } from 'get-east-asian-width'

/** How many columns of a terminal a text without control characters takes at the most: what it combines with others is not looked at. */
export function textWidth(text: string): number {
  // Nothing else is as frequent.
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** Those of East Asia and pictures take two columns. */
function characterWidth(character: string): 1 | 2 {
  return eastAsianWidth(character.codePointAt(0)!)
}

/** The text with spaces behind it, so that it takes so many columns at the least. */
export function padText(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)))
}

/** As much of the text as so many columns hold, with an ellipsis where that is not all. */
export function cutText(text: string, columns: number, ellipsis = '…'): string {
  // A column holds a character at the least, so that of a long text only the beginning has to be looked at.
  const beginning = [...text.slice(0, 2 * columns + 2)]
  if (textWidth(beginning.join('')) <= columns) return text
  let cut = ''
  let width = 0
  for (const character of beginning) {
    width += characterWidth(character)
    if (width >= columns) break
    cut += character
  }
  return columns > 0 ? `${cut}${ellipsis}` : ''
}
