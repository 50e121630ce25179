import { dispatch } from '../dispatch/dispatch.js'
import { launcherFor } from '../launcher/default-launcher.js'
import { printable } from '../output/printable.js'
import { describeEnd } from '../process/run.js'
import { type NamedSlotsState, readSlots, type SlotUser } from '../slots/named/read-slots.js'
import type { Result } from '../task/result.js'
import type { Task, Text } from '../task/task.js'
import { type Ending, STATUS_CANNOT_GO_ON } from './exit.js'
import { printErr, printOut } from './print.js'
import { watchSignals } from './signals.js'

/** It had to wait for too long; EX_TEMPFAIL of sysexits.h. */
const STATUS_WAITED_TOO_LONG = 75
/** As a shell says that there is no such program. */
const STATUS_NOT_FOUND = 127

/** Prints who holds slots and who waits. */
export function listSlots(json: boolean): void {
  const all = readSlots()
  printOut(json ? `${JSON.stringify(all)}\n` : all.map(slotsText).join(''))
}

function slotsText({ name, limit, isSet, holders, waiting }: NamedSlotsState): string {
  const counts = `${holders.length} of ${limit}${isSet ? '' : ' (not set: the CPUs there are)'} in use, ${waiting.length} waiting`
  return `${name}: ${counts}\n${holders.map((user) => userText('holds', user)).join('')}${waiting.map((user) => userText('waits', user)).join('')}`
}

function userText(does: string, { pid, label, since }: SlotUser): string {
  return `  ${does}  ${String(pid ?? '?').padStart(7)}  ${since}  ${printable(label)}\n`
}

/**
 * Waits for a slot and runs a command on it.
 *
 * @param waitMs - milliseconds to wait at the most; 0 is no limit.
 * @throws OptionError for what is no name; what drover itself could not go on for.
 */
export async function runOnSlot(name: string, words: readonly Text[], waitMs: number): Promise<Ending> {
  const [command, ...args] = words
  const task: Task = {
    command: command!,
    ...(args.length > 0 && { args }),
  }
  const giveUp = new AbortController()
  const timer = waitMs === 0 ? null : setTimeout(() => giveUp.abort(), waitMs)
  const run = dispatch([task], {
    slots: name,
    concurrency: 1,
    input: 'inherit',
    output: 'inherit',
    signal: giveUp.signal,
    launcher: launcherFor(undefined, { unchanging: true }),
    beforeStart: (given) => {
      if (timer !== null) clearTimeout(timer)
      return given
    },
  })
  const say = (message: string) => printErr(`drover: ${printable(message)}\n`)
  const signals = watchSignals(run, say)
  try {
    for await (const result of run) {
      if (signals.endedBy !== null) return { signal: signals.endedBy }
      return endingOf(result, giveUp.signal.aborted, say)
    }
    return { status: STATUS_CANNOT_GO_ON }
  } finally {
    if (timer !== null) clearTimeout(timer)
    await run.summary()
    signals.stop()
  }
}

function endingOf(result: Result, hasGivenUp: boolean, say: (message: string) => void): Ending {
  if (hasGivenUp && result.state === 'skipped') {
    say('no slot was free in time')
    return { status: STATUS_WAITED_TOO_LONG }
  }
  if (result.exitCode !== null) return { status: result.exitCode }
  if (result.state === 'killed' && result.signal !== null) return { signal: result.signal as NodeJS.Signals }
  say(describeEnd(result))
  return { status: result.state === 'spawn-failed' ? STATUS_NOT_FOUND : STATUS_CANNOT_GO_ON }
}
