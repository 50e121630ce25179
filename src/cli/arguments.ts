import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import type { Text } from '../task/task.js'

/** One `:::` or `:::+` and what follows it. */
export interface ArgumentGroup {
  readonly linked: boolean
  readonly items: Text[]
}

/** Separates the items, which begin at the first `:::` or `:::+`, from the rest. */
export function splitAtItems(args: readonly Text[]): { before: Text[]; groups: ArgumentGroup[] } {
  const first = args.findIndex(isSeparator)
  if (first === -1) return { before: [...args], groups: [] }
  const groups: ArgumentGroup[] = []
  for (const arg of args.slice(first)) {
    if (isSeparator(arg)) groups.push({ linked: arg === ':::+', items: [] })
    else groups.at(-1)!.items.push(arg)
  }
  return { before: args.slice(0, first), groups }
}

function isSeparator(arg: Text): boolean {
  return arg === ':::' || arg === ':::+'
}

/**
 * The arguments of this process, as the bytes they were: Node has turned what is not UTF-8 into U+FFFD, but Linux keeps
 * them. Elsewhere they are what Node says.
 *
 * @param args - those of `process.argv` that are of interest; they are the last ones.
 */
export function exactArguments(args: readonly string[]): Text[] {
  if (!args.some((arg) => arg.includes('\ufffd'))) return [...args]
  try {
    return lastArguments(readFileSync('/proc/self/cmdline'), args.length)
  } catch {
    return [...args]
  }
}

function lastArguments(commandLine: Buffer, count: number): Text[] {
  const all: Text[] = []
  let start = 0
  for (let end = commandLine.indexOf(0); end !== -1; end = commandLine.indexOf(0, start)) {
    const bytes = commandLine.subarray(start, end)
    all.push(isUtf8(bytes) ? bytes.toString() : Buffer.from(bytes))
    start = end + 1
  }
  return count === 0 ? [] : all.slice(-count)
}
