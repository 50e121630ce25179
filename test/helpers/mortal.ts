import { existsSync } from 'node:fs'

const SETPRIV = '/usr/bin/setpriv'

/**
 * The words of a command that ends with this process, also when that is killed and can clean up nothing; where the system cannot do that,
 * the words as they are.
 */
export function mortal(words: readonly string[], signal = 'KILL'): string[] {
  if (!existsSync(SETPRIV)) return [...words]
  // It is taken from a process that becomes another user.
  const own = words[0] === 'setpriv' ? words.slice(1) : words
  return [SETPRIV, '--pdeathsig', signal, ...own]
}
