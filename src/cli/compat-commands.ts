import type { Command } from 'commander'
import type { Ending } from './exit.js'
import { version } from './version.js'
import type { WorkerpoolWords } from './workerpool.js'

/** Adds the commands that take the place of other programs, with these programs' arguments. */
export function addCompatCommands(program: Command, end: (ending: Ending) => void): void {
  program
    .command('taskrunner')
    .summary('do what the inner process of TaskRunner.php does')
    .description(
      'Runs the shell commands in a file of JSON lines, {"id": …, "cmd": "…"}, and prints a line of JSON for each as it ends: id, status, stdout, stderr.',
    )
    .usage('tasks=FILE [parallel=N]')
    .argument('[words...]', 'tasks=FILE, and parallel=N (twice the CPUs there are)')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      const { taskRunner } = await import('./taskrunner.js')
      end(await taskRunner(words))
    })
  program
    .command('workerpool')
    .summary('do what go-workerpool does')
    .description(
      'Runs the programs in a JSON array, {"identifier": …, "command": "…", "args": […]}, and prints one of their results: identifier, exit_code, result_body.',
    )
    .argument('[TASKS]', 'the tasks themselves')
    .option('-i, --infile <file>', 'read the tasks from a file (standard input, where no TASKS are given)')
    .option('-o, --outfile <file>', 'write the results to a file (standard output)')
    .option('-t, --max_threads <n>', 'how many run at once', '2')
    .option('-v, --verbose', 'tell what is done, before the results')
    .version(version(), '-V, --version', 'print the version')
    .showHelpAfterError('Run "drover workerpool --help" for options.')
    .action(async (tasks: string | undefined, words: WorkerpoolWords) => {
      const { workerpool } = await import('./workerpool.js')
      end(await workerpool(tasks, words))
    })
}
