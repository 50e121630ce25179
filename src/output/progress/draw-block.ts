import { beginSynchronizedOutput, cursorUp, endSynchronizedOutput, eraseDown, eraseEndLine } from 'ansi-escapes'
import type { TerminalScreen } from '../terminal/terminal-screen.js'
import type { ProgressState } from './progress-state.js'
import { blockLines, type Space } from './progress-view.js'

const SEQUENCES = { beginSynchronizedOutput, cursorUp, endSynchronizedOutput, eraseDown, eraseEndLine }

/** Shows the block on the screen. All that draws is loaded with this file. */
export function drawBlock(screen: TerminalScreen, state: ProgressState, space: Space): void {
  screen.draw(blockLines(state, space), SEQUENCES)
}
