import type { DispatchRun } from '../dispatch/dispatch.js'

/** Told of the run when it begins, as to have signals steer it. */
export type OnRun = (run: DispatchRun) => void

/** Takes a piece of the output; a promise says that there is no room, and resolves when there is. */
export type Write = (text: string) => void | Promise<void>

/** The most of each stream that a result holds. */
export const MOST_OUTPUT_BYTES = 256 * 1024 * 1024
