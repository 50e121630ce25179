import { printableLine } from '../printable.js'

/**
 * A command, an id or what a task printed, as one line that leaves a terminal as it is: white space becomes a space, control
 * characters are shown as `\x1b`, and so are those that change the direction of writing, or cannot be seen.
 */
export function screenText(text: string): string {
  return printableLine(text.replace(/\s+/g, ' ').trim()).replace(
    /[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  )
}
