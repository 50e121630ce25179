import { measure } from './programs.mjs'

/** @typedef {import('./types.d.ts').Contestant} Contestant */

/** Several requests sent to a worker before their answers. */
const AT_ONCE = 64

export const DROVER = 'drover'
export const DROVER_PIPELINED = `drover, pipeline: ${AT_ONCE}`
export const WORKERPOOL = 'workerpool (process)'
export const JEST_WORKER = 'jest-worker (process)'
export const TINYPOOL = 'tinypool (child_process)'
export const PISCINA = 'piscina (threads)'
const PISCINA_SHARED = `piscina (threads), ${AT_ONCE} a thread`
export const BATCH_CLUSTER = 'batch-cluster (lines)'

/**
 * drover and the other pools of workers, each with two workers that give a message back.
 *
 * @param {{ quick: boolean }} context
 * @param {{ bytes: number, inFlight: number, seconds: number }} load
 * @returns {Contestant[]}
 */
export function echoContestants({ quick }, { bytes, inFlight, seconds }) {
  const time = quick ? 0.05 : seconds
  const echo = (/** @type {string} */ pool, /** @type {object} */ options = {}) => ({
    run: () => measure('messages', { pool, options, bytes, inFlight, seconds: time }),
  })
  const all = [
    { name: DROVER, ...echo('drover') },
    { name: DROVER_PIPELINED, ...echo('drover', { pipeline: AT_ONCE }) },
    { name: WORKERPOOL, needs: ['workerpool'], ...echo('workerpool') },
    { name: JEST_WORKER, needs: ['jest-worker'], ...echo('jest-worker') },
    { name: TINYPOOL, needs: ['tinypool'], ...echo('tinypool') },
    { name: PISCINA, needs: ['piscina'], ...echo('piscina') },
    { name: PISCINA_SHARED, needs: ['piscina'], ...echo('piscina', { concurrentTasksPerWorker: AT_ONCE }) },
    { name: BATCH_CLUSTER, needs: ['batch-cluster'], ...echo('batch-cluster') },
  ]
  // One at a time there is nothing to send ahead.
  return inFlight === 1 ? all.filter(({ name }) => name !== PISCINA_SHARED) : all
}
