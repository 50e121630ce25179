/** `block`: at the bottom of a terminal; `log`: a line now and then. */
export type ProgressForm = 'block' | 'log'

/** What decides in what form progress is shown. */
export interface ProgressFormRequest {
  /** Whether it is to be shown; undefined where nobody has said. */
  readonly wanted: boolean | undefined
  /** Whether it goes to a terminal. */
  readonly isTerminal: boolean
  /** Whether others than drover write to that terminal, or type on it, so that nothing can be drawn there. Default: false. */
  readonly isShared?: boolean
  /** The environment: `TERM`, `CI` and `GITHUB_ACTIONS` count. */
  readonly env: NodeJS.ProcessEnv
}

/** In what form progress is shown; null where it is not. */
export function progressForm({ wanted, isTerminal, isShared = false, env }: ProgressFormRequest): ProgressForm | null {
  if (wanted === false) return null
  const isCi = isSet(env.CI) || isSet(env.GITHUB_ACTIONS)
  // A terminal that says nothing of itself may obey nothing, but that Windows has none who do.
  const isDumb = env.TERM === 'dumb' || (!isSet(env.TERM) && process.platform !== 'win32')
  const canDraw = isTerminal && !isCi && !isDumb && !isShared
  if (canDraw) return 'block'
  // A log is for who has asked for it, or reads nothing else.
  return wanted === true || (isTerminal && isCi) ? 'log' : null
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0'
}
