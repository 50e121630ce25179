import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** What a terminal is told apart by: how it may be drawn on. */
export interface Look {
  readonly color: boolean
  /** Whether it shows more than ASCII. */
  readonly unicode: boolean
}

/** A piece of text and how it is written. */
export type Piece = readonly [text: string, style?: Style | undefined]

export function paint([text, style]: Piece, { color }: Look): string {
  // Whether there is color has been decided, and not by what standard output is.
  return color && style !== undefined && text !== '' ? styleText(style, text, { validateStream: false }) : text
}

export interface Signs {
  readonly full: string
  /** The end of what is full. */
  readonly half: string
  readonly empty: string
  readonly failed: string
  readonly running: string
  readonly between: string
  readonly ellipsis: string
  readonly times: string
}

const UNICODE: Signs = {
  full: '━',
  half: '╸',
  empty: '─',
  failed: '✗',
  running: '▸',
  between: ' · ',
  ellipsis: '…',
  times: '×',
}
const ASCII: Signs = {
  full: '=',
  half: '>',
  empty: '-',
  failed: 'x',
  running: '>',
  between: ', ',
  ellipsis: '~',
  times: 'x',
}

export function signsOf({ unicode }: Look): Signs {
  return unicode ? UNICODE : ASCII
}

/** Whether a terminal is said to show more than ASCII. */
export function showsUnicode(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  return /utf-?8/i.test(locale) && env.TERM !== 'linux'
}
