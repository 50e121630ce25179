import { Command } from 'commander'

/** What commander does about what it does not know; it has no types for it. */
type UnknownOption = (this: Command, flag: string) => void
type UnknownCommand = (this: Command) => void
const { unknownOption, unknownCommand } = Command.prototype as unknown as {
  unknownOption: UnknownOption
  unknownCommand: UnknownCommand
}

/** A command that looks for what was meant also where the mistyped option has its value with it: `--timout=5s`. */
export class DroverCommand extends Command {
  override createCommand(name?: string): DroverCommand {
    return new DroverCommand(name)
  }

  override copyInheritedSettings(source: Command): this {
    super.copyInheritedSettings(source)
    return this.showHelpAfterError(`Run "drover ${this.name()} --help" for its options.`)
  }

  /** Ends with what is said of a command that is not there, and the one that was meant; `help` of it says nothing by itself. */
  checkHelpOf(name: string | undefined): void {
    if (name === undefined || name === 'help' || this.commands.some((command) => command.name() === name)) return
    this.args = [name]
    unknownCommand.call(this)
  }

  unknownOption(flag: string): void {
    unknownOption.call(this, flag.replace(/^(--[^=]+)=.*$/s, '$1'))
  }
}
