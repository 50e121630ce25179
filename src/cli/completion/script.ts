import type { Command } from 'commander'
import { bashScript } from './bash.js'
import { fishScript } from './fish.js'
import { wordsOf } from './words.js'
import { zshScript } from './zsh.js'

/** The completion script of a program for a shell, made from its commands as they are defined. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](wordsOf(program))
}
