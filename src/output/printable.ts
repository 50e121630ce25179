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

/** Where nothing but ASCII is shown: what is not, as `\\u{e9}`. */
export function asciiText(text: string): string {
  return text.replace(/[^\x00-\x7f]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** Whether the locale is the one that knows nothing but ASCII, and was asked for. */
export function isAsciiLocale(env: NodeJS.ProcessEnv): boolean {
  return /^(C|POSIX)$/.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '')
}
