import type { Command } from 'commander'
import { ChoiceOption } from './choice-option.js'
import type { RunWords } from './run-words.js'
import { addSharingOptions, type SharingWords } from './sharing-words.js'
import { COLOR_WORDS } from './values.js'

/** Options of `drover pool` as commander gives them: words, and true for flags. */
export interface PoolWords
  extends Pick<
    RunWords,
    | (
        | 'jobs'
        | 'keepOrder'
        | 'tag'
        | 'json'
        | 'jsonArray'
        | 'timeout'
        | 'totalTimeout'
        | 'retries'
        | 'backoff'
        | 'delay'
      )
    | (
        | 'killGrace'
        | 'halt'
        | 'journal'
        | 'resume'
        | 'retryFailed'
        | 'fsync'
        | 'maxOutput'
        | 'tmpdir'
        | 'argFile'
        | 'null'
      )
    | ('delimiter' | 'strict' | 'maxLine' | 'report' | 'progress' | 'quiet' | 'verbose' | 'color' | 'launcher')
    | keyof SharingWords
  > {
  readonly protocol?: string
  readonly module?: string
  readonly jsonl?: true
  readonly lengths?: true
  readonly min?: string
  readonly pipeline?: string
  readonly maxRequests?: string
  readonly maxAge?: string
  readonly recycleMemory?: string
  readonly startTimeout?: string
}

/** Adds the options of `drover pool` to a command, in the groups in which its help shows them. */
export function addPoolOptions(command: Command): Command {
  const collect = (value: string, before: string[] = []) => [...before, value]
  command
    .optionsGroup('The workers:')
    .addOption(
      new ChoiceOption('--protocol <name>', 'how they talk: lines, frames or process-pool (lines)', [
        'lines',
        'frames',
        'process-pool',
      ]),
    )
    .option('--module <file>', 'a JavaScript module that exports handle, in place of COMMAND')
    .option('-j, --jobs <n>', 'how many at the most: a number, 50%, +2, -1 (the CPUs there are)')
    .option('--min <n>', 'how many are started at once and kept (0)')
    .option('--pipeline <n>', 'how many messages one is sent before it has answered (1)')
    .option('--max-requests <n>', 'replace one after so many messages; 1 is a fresh one for each')
    .option('--max-age <dur>', 'replace one that is older, when it has answered')
    .option('--recycle-memory <size>', 'replace one that uses more memory, when it has answered')
    .option('--start-timeout <dur>', 'how long one may take to get ready (60s)')
    .addOption(
      new ChoiceOption('--launcher <name>', 'what starts the processes: auto, native or node (auto)', [
        'auto',
        'native',
        'node',
      ]),
    )
    .optionsGroup('The messages:')
    .option('--jsonl', 'each is a JSON value on a line, and so are the answers')
    .option('--lengths', 'each stands after its length, 4 bytes, the highest first, and so do the answers')
    .option('-a, --arg-file <file>', 'read them from a file; may be given several times; - is stdin', collect)
    .option('-0, --null', 'they end with NUL')
    .option('-d, --delimiter <c>', 'they end with this character')
    .option('--strict', 'stop at the first bad one of a stream')
    .option('--max-line <size>', 'a longer one is bad (64MiB)')
    .optionsGroup('How they are handled:')
    .option('--timeout <dur>', 'end a worker that takes longer for one')
    .option('--total-timeout <dur>', 'end the whole run after this time')
    .option('--retries <n>', 'send one that had no answer again, so often (0)')
    .option('--backoff <dur>', 'wait before a retry; doubles each time, with jitter (1s)')
    .option('--delay <dur>', 'wait between two messages (0s)')
    .option('--halt <when>', 'never, or now or soon with fail, success or done: now,fail=1, soon,fail=20%')
    .option('--kill-grace <dur>', 'time for a worker to exit when asked, and between TERM and KILL (5s)')
  return addSharingOptions(command, ['workers', 'worker'])
    .optionsGroup('What is kept:')
    .option('--journal <file>', 'append each result to it the moment it is known')
    .option('--resume', 'send only what has no conclusive result in the journal')
    .option('--retry-failed', 'send all that has not succeeded in the journal')
    .addOption(
      new ChoiceOption(
        '--fsync <when>',
        'force the journal to the disk: always, interval (once a second) or never (interval)',
        ['always', 'interval', 'never'],
      ),
    )
    .option('--report <[host:]port>', 'serve a page that shows the run while it goes on; 0 is any free port')
    .optionsGroup('What is printed:')
    .option('-k, --keep-order', 'answers in the order of the messages')
    .option('--tag', 'put the message and a tab in front of each line')
    .option('--json', 'print results, a JSON object a line, in place of answers')
    .option('--json-array', 'print results as one JSON array')
    .option('--max-output <size>', 'keep so much of each stream that a worker prints, in a result (16MiB)')
    .option('--tmpdir <dir>', 'where answers wait that outgrow memory')
    .option('--progress', 'show on stderr how far it is (on when it is a terminal)')
    .option('--no-progress', 'show nothing of that')
    .option('--quiet', 'say nothing on stderr but errors in the call')
    .option('--verbose', 'say on stderr what is sent and what became of it')
    .addOption(new ChoiceOption('--color <when>', 'color messages: auto, always or never (auto)', COLOR_WORDS))
}
