import { Command } from 'commander'

/** What commander does about an option that it does not know; it has no type for it. */
type UnknownOption = (this: Command, flag: string) => void
const { unknownOption } = Command.prototype as unknown as { unknownOption: UnknownOption }

/** A command that looks for what was meant also where the mistyped option has its value with it: `--timout=5s`. */
export class DroverCommand extends Command {
  override createCommand(name?: string): DroverCommand {
    return new DroverCommand(name)
  }

  override copyInheritedSettings(source: Command): this {
    super.copyInheritedSettings(source)
    return this.showHelpAfterError(`Run "drover ${this.name()} --help" for its options.`)
  }

  unknownOption(flag: string): void {
    unknownOption.call(this, flag.replace(/^(--[^=]+)=.*$/s, '$1'))
  }
}
