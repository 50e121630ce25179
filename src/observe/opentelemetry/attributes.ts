import type { Attributes } from '@opentelemetry/api'
import { displayText, type Text } from '../../task/task.js'

/** What a span is called: the program, which is the shell for a line of it. Never the arguments, which differ each time. */
export function executableName(command: Text, args: readonly unknown[] | null): string {
  if (args === null) return process.platform === 'win32' ? 'cmd.exe' : 'sh'
  const program = displayText(command)
  return program.slice(program.lastIndexOf('/') + 1) || program
}

/** A program and its arguments, or the shell and its line. */
export function commandArgs(command: Text, args: readonly Text[] | null): string[] {
  if (args !== null) return [command, ...args].map(displayText)
  return process.platform === 'win32'
    ? ['cmd.exe', '/d', '/s', '/c', displayText(command)]
    : ['/bin/sh', '-c', displayText(command)]
}

/** How a process ended, by the conventions for processes. What is not known is left out. */
export function endAttributes(end: {
  readonly pid?: number | null | undefined
  readonly exitCode?: number | null | undefined
  readonly signal?: string | null | undefined
}): Attributes {
  return {
    ...(end.pid != null && { 'process.pid': end.pid }),
    ...(end.exitCode != null && { 'process.exit.code': end.exitCode }),
    ...(end.signal != null && { 'drover.exit.signal': end.signal }),
  }
}

/** A class of error with few values: a stable code. Messages may hold commands, and are not for others. */
export function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : '_OTHER'
}
