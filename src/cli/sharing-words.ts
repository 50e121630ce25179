import type { Command } from 'commander'
import { ChoiceOption } from './choice-option.js'

/** Options of `drover run` and `drover pool` that say what may be used, and when something may start. */
export interface SharingWords {
  readonly maxMemory?: string
  readonly maxProcesses?: string
  readonly maxCpuTime?: string
  readonly maxFileSize?: string
  readonly nice?: string
  readonly cpus?: string
  readonly load?: string
  readonly memfree?: string
  readonly pressure?: string
  readonly slots?: string
  readonly jobserver?: string
  readonly jobserverForm?: string
}

/** @param what - what is started, in the plural and the singular. */
export function addSharingOptions(command: Command, [many, one]: readonly [string, string]): Command {
  return command
    .optionsGroup(`When ${many} may start:`)
    .option('--load <n>', 'only while fewer threads run: a number, or 80% of the CPUs')
    .option('--memfree <size>', 'only while so much memory is free; below half of it the youngest is put off')
    .option('--pressure <percent>', 'only while less of the time is spent waiting: 20, or cpu=60,memory=10,io=40')
    .optionsGroup(`Limits on each ${one}:`)
    .option('--max-memory <size>', 'end one that, with all below it, uses more memory')
    .option('--max-processes <n>', 'end one that is more processes')
    .option('--max-cpu-time <dur>', 'end a process that uses more processor time')
    .option('--max-file-size <size>', 'end a process that writes a larger file')
    .option('--cpus <n>', 'slow it down to the time of so many CPUs, as in 0.5')
    .option('--nice <n>', 'add so much to the niceness, from -20 to 19')
    .optionsGroup('One limit with others:')
    .option('--slots <name>', 'share slots of this name with other runs; drover slots sets how many there are')
    .addOption(
      new ChoiceOption(
        '--jobserver <mode>',
        'share slots with make, cargo and drover: auto, server, client or off (auto)',
        ['auto', 'server', 'client', 'off'],
      ),
    )
    .addOption(
      new ChoiceOption(
        '--jobserver-form <form>',
        `how ${many} are told of it: pipe, for any make, or fifo, for ninja (pipe)`,
        ['pipe', 'fifo'],
      ),
    )
}
