import { Argument, type Command } from 'commander'
import { printOut } from './print.js'

const EXAMPLES = `Examples:
  source <(drover completion bash)                in ~/.bashrc
  source <(drover completion zsh)                 in ~/.zshrc, after compinit
  drover completion fish | source                 in ~/.config/fish/config.fish
`

/** Adds `drover completion`, which knows all that the program knows when it is called. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .summary('print what makes a shell complete commands and options')
    .description('Prints a script that makes a shell complete the commands, options and values of drover.')
    .addArgument(new Argument('<SHELL>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('before', EXAMPLES)
    .showHelpAfterError('Run "drover completion --help" for examples.')
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion/script.js')
      printOut(completionScript(program, shell))
    })
}
