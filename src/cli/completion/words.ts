import type { Argument, Command, Option } from 'commander'
import { ChoiceOption } from '../choice-option.js'

/** What may stand somewhere: files, folders, programs, one of some words, or what nobody can know. */
export type Values = 'files' | 'folders' | 'programs' | 'unknown' | readonly string[]

/** An option as completions know it. */
export interface OptionWords {
  /** `-j` and `--jobs`, or one of the two. */
  readonly names: readonly string[]
  readonly description: string
  /** What its value is called in the help; null for an option without one. */
  readonly valueName: string | null
  readonly values: Values
  readonly repeats: boolean
}

/** A command, or the program itself, as completions know it. */
export interface CommandWords {
  /** From below the program: empty for itself, `slots set` for a command of a command. */
  readonly path: readonly string[]
  readonly description: string
  readonly options: readonly OptionWords[]
  readonly commands: readonly CommandWords[]
  /** What its arguments are, one after the other; the last one may come again when `repeats`. */
  readonly operands: readonly Values[]
  readonly repeats: boolean
  /** Whether all that follows its first argument is that argument's own. */
  readonly passesOn: boolean
}

/** All that commander knows of a command and of those below it. */
export function wordsOf(command: Command, path: readonly string[] = []): CommandWords {
  const help = command.createHelp()
  const operands = command.registeredArguments
  return {
    path,
    description: command.summary() || command.description(),
    options: help.visibleOptions(command).map(optionWords),
    commands: help.visibleCommands(command).map((each) => wordsOf(each, [...path, each.name()])),
    operands: operands.map(operandValues),
    repeats: operands.at(-1)?.variadic === true,
    passesOn: operands.some((operand) => operand.variadic && isCommand(operand)),
  }
}

/** The command and all below it. */
export function allOf(command: CommandWords): CommandWords[] {
  return [command, ...command.commands.flatMap(allOf)]
}

function optionWords(option: Option): OptionWords {
  const valueName = / [<[](.+)[\]>]$/.exec(option.flags)?.[1] ?? null
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: option.description,
    valueName,
    values: option instanceof ChoiceOption ? option.words : valuesNamed(valueName),
    repeats: option.parseArg !== undefined,
  }
}

function operandValues(operand: Argument): Values {
  return operand.argChoices ?? (isCommand(operand) ? 'programs' : valuesNamed(operand.name()))
}

function isCommand(operand: Argument): boolean {
  return operand.name() === 'COMMAND'
}

/** The help calls files and folders by these names, wherever they are asked for. */
function valuesNamed(name: string | null): Values {
  const values: Readonly<Record<string, Values>> = { file: 'files', journal: 'files', dir: 'folders' }
  return values[name?.toLowerCase() ?? ''] ?? 'unknown'
}
