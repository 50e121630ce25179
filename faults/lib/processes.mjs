import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until a condition holds.
 *
 * @param {() => boolean} condition
 * @param {number} deadlineMs
 * @param {number} [everyMs]
 * @returns {Promise<boolean>} Whether it came to hold before the deadline.
 */
export async function comesTrue(condition, deadlineMs, everyMs = 5) {
  const end = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > end) return false
    await sleep(everyMs)
  }
  return true
}

function allPids() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** @param {string} file @returns {string} Empty where it cannot be read. */
export function textOf(file) {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** @param {number} pid */
function statOf(pid) {
  const stat = textOf(`/proc/${pid}/stat`)
  const close = stat.lastIndexOf(')')
  const [state = 'X', parent = '0'] = stat.slice(close + 2).split(' ')
  return { name: stat.slice(stat.indexOf('(') + 1, close), state, parent: Number(parent) }
}

/**
 * Living processes (zombies are not) with a mark in their environment or arguments.
 *
 * @param {string} mark
 * @returns {number[]}
 */
export function marked(mark) {
  return allPids().filter((pid) => {
    if (pid === process.pid) return false
    const has = textOf(`/proc/${pid}/environ`).includes(mark) || textOf(`/proc/${pid}/cmdline`).includes(mark)
    return has && !/^[ZX]/.test(statOf(pid).state)
  })
}

/** @param {number} pid */
export function commandOf(pid) {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 120)
}

/**
 * The two halves of the launcher below a drover.
 *
 * @param {number} drover
 * @returns {{ guardian: number, launcher: number } | null} Null as long as they are not both there.
 */
export function halvesOf(drover) {
  const launchers = allPids()
    .map((pid) => ({ pid, ...statOf(pid) }))
    .filter(({ name, state }) => /^drover-(guardian|launcher)$/.test(name) && state !== 'Z')
  const guardian = launchers.find(({ parent }) => parent === drover)
  const launcher = launchers.find(({ parent }) => parent === guardian?.pid)
  return guardian === undefined || launcher === undefined ? null : { guardian: guardian.pid, launcher: launcher.pid }
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 * @returns {boolean} Whether there was such a process.
 */
export function send(pid, signal) {
  // 0 would be the suite itself.
  if (pid <= 0) return false
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
