/** Names and commands may hold control characters, with which a terminal would do as they say. */
export function printable(text: string): string {
  return text.replace(
    /[\0-\x08\x0b-\x1f\x7f\x80-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** The same for what must not be more than one line, nor move what follows it. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}
