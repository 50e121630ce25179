import { Option } from 'commander'

/** An option whose value is one of some words, which completions offer. What it means to have another is for its command to say. */
export class ChoiceOption extends Option {
  readonly words: readonly string[]

  constructor(flags: string, description: string, words: readonly string[]) {
    super(flags, description)
    this.words = words
  }
}
