import type { Command } from 'commander'
import type { Text } from '../task/task.js'
import type { Ending } from './exit.js'
import { addPoolOptions, type PoolWords } from './pool-words.js'
import { tellOfTyping } from './run-options.js'

const EXAMPLES = `Examples:
  drover pool jq --unbuffered -c .name < users.jsonl      a line in, a line out
  drover pool -k -j 8 --jsonl --module ./thumbnail.js < images.jsonl
  drover pool --protocol process-pool -k php worker.php < messages.txt
  drover pool --jsonl --journal night.jsonl --resume --module ./fetch.js < urls.jsonl
`

const NOTES = `
COMMAND is started some times, and stays: each worker gets one message after the
other on its standard input and answers on its standard output. One word is a
line for the shell; several are a program and its arguments. Answers come in any
order unless -k is given. Standard error of workers goes to standard error.

Protocols: lines, a line in and a line out; frames, for workers made with
drover/worker or the files for PHP and Python; process-pool, for workers of
ssigwart/process-pool.

Exit status: 0 all well; 1 to 100 so many messages had no answer; 101 more than
100; 102 drover could not go on; 255 a mistake in the call or the input, nothing
was started.`

/** Adds `drover pool` to the program. */
export function addPoolCommand(
  program: Command,
  exact: (words: readonly string[]) => readonly Text[],
  end: (ending: Ending) => void,
): void {
  const command = program
    .command('pool')
    .summary('send messages to workers that stay')
    .description('Sends messages from standard input to worker processes that stay, and prints their answers.')
    .usage('[options] COMMAND…')
    .argument('[COMMAND...]', 'the worker')
    .passThroughOptions()
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run "drover pool --help" for examples and options.')
  addPoolOptions(command).action(async (words: string[], options: PoolWords) => {
    const { poolRequest } = await import('./pool-options.js')
    const request = poolRequest(exact(words), options)
    tellOfTyping(options, options.argFile?.includes('-') ?? true, 'messages')
    const { runPool } = await import('./pool.js')
    end(await runPool(request))
  })
}
