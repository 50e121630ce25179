import { getSystemErrorMap } from 'node:util'
import ms from 'ms'
import { parseHalt } from '../dispatch/halt.js'
import { MAX_DURATION_MS } from '../process/process-options.js'
import { usableCpus } from '../slots/usable-cpus.js'
import { OptionError } from '../task/errors.js'

/** The fields that have a value. */
export function given<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/**
 * Reads a duration as `500ms`, `2s`, `5m`, `1h`; a plain number is seconds, as in GNU parallel. Gives milliseconds.
 *
 * @throws OptionError that names the option.
 */
export function parseDuration(option: string, words: string): number {
  const plain = /^\d+(?:\.\d+)?$/.test(words)
  const known = /^\d+(?:\.\d+)?\s*(ms|s|m|h|d)$/.test(words)
  const milliseconds = plain ? Number(words) * 1_000 : known ? ms(words as ms.StringValue) : Number.NaN
  if (!(milliseconds >= 0 && milliseconds <= MAX_DURATION_MS)) {
    throw new OptionError(
      `${option}: expected a duration such as 500ms, 2s, 5m or 1h, up to 24 days, not ${JSON.stringify(words)}`,
    )
  }
  return milliseconds
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/**
 * Reads a size as `4096`, `64K`, `16MiB`, `2G`; units are powers of 1,024. Gives bytes.
 *
 * @throws OptionError that names the option.
 */
export function parseSize(option: string, words: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(words)
  const bytes = match === null ? Number.NaN : Math.floor(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!)
  if (!Number.isSafeInteger(bytes)) {
    throw new OptionError(`${option}: expected a size such as 4096, 64K, 16MiB or 2G, not ${JSON.stringify(words)}`)
  }
  return bytes
}

/** @throws OptionError unless the words are a whole number of at least `least`. */
export function parseCount(option: string, words: string, least: number): number {
  if (!/^\d+$/.test(words) || !Number.isSafeInteger(Number(words)) || Number(words) < least) {
    throw new OptionError(`${option}: expected a whole number of at least ${least}, not ${JSON.stringify(words)}`)
  }
  return Number(words)
}

/** Reads a load: a number of threads, or a percentage of the CPUs. @throws OptionError for anything else. */
export function parseLoad(words: string, cpus: number = usableCpus()): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(words)
  const load = match === null ? 0 : Number(match[1]) * (match[2] === '%' ? cpus / 100 : 1)
  if (load > 0) return load
  throw new OptionError(`--load: expected a number above 0, or a percentage of the CPUs, not ${JSON.stringify(words)}`)
}

/** Reads percentages: one for all, or `cpu=60,memory=10,io=40`. @throws OptionError for anything else. */
export function parsePressure(words: string): number | { cpu?: number; memory?: number; io?: number } {
  const percent = (text: string | undefined) => {
    const number = /^\d+(?:\.\d+)?%?$/.test(text ?? '') ? Number.parseFloat(text!) : 0
    if (number > 0 && number <= 100) return number
    throw new OptionError(
      `--pressure: expected percent above 0, up to 100, or some of cpu=60,memory=10,io=40, not ${JSON.stringify(words)}`,
    )
  }
  if (!words.includes('=')) return percent(words)
  const parts = words.split(',').map((part) => part.split('='))
  return Object.fromEntries(
    parts.map(([kind = '', value]) => [kind, percent(['cpu', 'memory', 'io'].includes(kind) ? value : undefined)]),
  )
}

/** @throws OptionError unless the words are a whole number from -20 to 19. */
export function parseNice(words: string): number {
  const nice = /^[+-]?\d+$/.test(words) ? Number(words) : Number.NaN
  if (nice >= -20 && nice <= 19) return nice
  throw new OptionError(`--nice: expected a whole number from -20 to 19, not ${JSON.stringify(words)}`)
}

/** @throws OptionError unless the words are a number of at least 0.01. */
export function parseCpus(words: string): number {
  const cpus = /^\d*\.?\d+$/.test(words) ? Number(words) : 0
  if (cpus >= 0.01) return cpus
  throw new OptionError(
    `--cpus: expected a number of CPUs of at least 0.01, as in 0.5 or 2, not ${JSON.stringify(words)}`,
  )
}

/**
 * Reads how many jobs: a number; a percentage of the CPUs this process may use; `+N` or `-N`, so many more or fewer than
 * those CPUs. Never less than 1; 0 is as many as possible, as in GNU parallel.
 *
 * @param name - what it was given as.
 * @throws OptionError for anything else.
 */
export function parseJobs(words: string, cpus: number = usableCpus(), name = '--jobs'): number {
  const match = /^([+-]?)(\d+(?:\.\d+)?)(%?)$/.exec(words)
  const number = Number(match?.[2])
  const whole = Number.isInteger(number)
  if (match === null || (match[3] === '%' ? match[1] !== '' : !whole)) {
    throw new OptionError(`${name}: expected a number, or one like 50%, +2 or -1, not ${JSON.stringify(words)}`)
  }
  if (match[3] === '%') return Math.max(1, Math.round((cpus * number) / 100))
  if (match[1] === '+') return cpus + number
  if (match[1] === '-') return Math.max(1, cpus - number)
  return number === 0 ? Number.POSITIVE_INFINITY : number
}

/**
 * Reads a delimiter: one character, or an escape (`\n`, `\t`, `\0`, `\xHH`), as xargs does. Gives its byte.
 *
 * @throws OptionError for anything else.
 */
export function parseDelimiter(words: string): number {
  const named = { '\\n': 10, '\\t': 9, '\\r': 13, '\\0': 0, '\\\\': 92 }[words]
  if (named !== undefined) return named
  const hex = /^\\x([0-9a-f]{1,2})$/i.exec(words)
  if (hex !== null) return Number.parseInt(hex[1]!, 16)
  const bytes = Buffer.from(words)
  if (bytes.length !== 1) {
    throw new OptionError(
      `--delimiter: expected one character of ASCII, or an named such as \\n, \\t, \\0 or \\x1e, not ${JSON.stringify(words)}`,
    )
  }
  return bytes[0]!
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', '0': '\0', '\\': '\\' }

/**
 * Reads bytes that may be written with escapes: `\n`, `\t`, `\r`, `\f`, `\0`, `\xHH`, and `\\` for a backslash.
 *
 * @throws OptionError for another escape.
 */
export function parseEscapes(option: string, words: string): Uint8Array {
  const bytes = Buffer.from(words).toString('latin1')
  const plain = bytes.replaceAll(
    /\\(?:x([0-9a-f]{2})|([\s\S]?))/gi,
    (whole, hex: string | undefined, letter: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      const known = ESCAPES[letter]
      if (known !== undefined) return known
      throw new OptionError(
        `${option}: ${JSON.stringify(whole)} is none of \\n, \\t, \\r, \\f, \\0, \\xHH and \\\\; write \\\\ for a backslash`,
      )
    },
  )
  return Buffer.from(plain, 'latin1')
}

export const COLOR_WORDS: readonly string[] = ['auto', 'always', 'never']

/**
 * Reads when to color: `auto` is on a terminal, unless NO_COLOR is set to something.
 *
 * @throws OptionError for anything but auto, always and never.
 */
export function parseColor(words: string, isTerminal: boolean): boolean {
  if (!COLOR_WORDS.includes(words))
    throw new OptionError(`--color: expected auto, always or never, not ${JSON.stringify(words)}`)
  return words === 'always' || (words === 'auto' && isTerminal && !process.env.NO_COLOR)
}

/** @throws OptionError unless they say when to halt. */
export function checkHalt(option: string, words: string): void {
  try {
    parseHalt(words)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    throw new OptionError(error.message.replace(/^halt:/, `${option}:`))
  }
}

/** What the system has said, as in `no such file or directory (ENOENT)`: the path, which Node adds, is told of anyway. */
export function systemReason(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]
  return words === undefined ? message : `${words} (${code})`
}

/** @throws OptionError for the name of a file that is empty, as from a variable that is not set. */
export function fileName(option: string, name: string): string {
  if (name !== '') return name
  throw new OptionError(`${option}: expected the name of a file, not ""; is there a variable that is not set?`)
}
