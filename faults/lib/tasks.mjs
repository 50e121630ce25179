import { writeFileSync } from 'node:fs'

/** In the argv of what clears its environment, the mark is found as a fraction of a second. */
const SLEEP = 'sleep "3600.$FAULT_MARK"'

/**
 * What tasks do after they have told of their start, and how they end.
 *
 * @type {Readonly<Record<string, { script: string, state?: string }>>}
 */
const KINDS = {
  plain: { script: ':' },
  short: { script: 'sleep 0.05' },
  long: { script: 'sleep 0.3' },
  direct: { script: 'exec sleep 0.05' },
  failing: { script: 'exit 3', state: 'failed' },
  suicidal: { script: 'kill -9 $$', state: 'killed' },
  background: { script: `${SLEEP} & :` },
  session: { script: `setsid ${SLEEP} & sleep 0.05` },
  doubleFork: { script: `(setsid sh -c '${SLEEP} >/dev/null 2>&1 &'); sleep 0.05` },
  cleared: { script: `(setsid env -i sh -c "sleep 3600.$FAULT_MARK >/dev/null 2>&1 &"); sleep 0.05` },
  stubborn: { script: `trap '' TERM; sleep 0.2` },
  stubbornChild: { script: `(trap '' TERM; ${SLEEP}) & sleep 0.05` },
  printing: { script: `head -c 200000 /dev/zero | tr '\\0' x` },
  held: { script: 'while [ ! -e "$FAULT_LOG.go" ]; do sleep 0.02; done' },
  // The launcher is the parent, a file tells that it has been done.
  killsLauncher: { script: '[ -e "$FAULT_LOG.$0" ] || { : >"$FAULT_LOG.$0"; sleep 0.1; kill -9 $PPID; sleep 1; }' },
  // The guardian's parent is drover.
  killsDrover: {
    script: `[ -e "$FAULT_LOG.$0" ] || {
      read -r _ _ _ guardian _ </proc/$PPID/stat; read -r _ _ _ drover _ </proc/$guardian/stat
      : >"$FAULT_LOG.$0"; sleep 0.1; kill -9 $drover; sleep 1; }`,
  },
}

const MIX = [
  ...['plain', 'plain', 'plain', 'short', 'short', 'long', 'direct', 'failing', 'suicidal'],
  ...['background', 'session', 'doubleFork', 'cleared', 'stubborn', 'stubbornChild', 'printing', 'missing'],
]

/**
 * Writes a file of tasks. Each appends a line with its name and the invocation's mark to a log when it starts; one small write
 * to a file that is open for appending is whole, and a task that cannot be started tells of nothing.
 *
 * @param {string} file
 * @param {import('./random.mjs').Random} random
 * @param {{ count: number, kinds?: readonly string[], first?: readonly string[] }} options `first` are kinds that come at random
 *   places, once each.
 * @returns {import('./types.d.ts').PlannedTask[]}
 */
export function planTasks(file, random, { count, kinds = MIX, first = [] }) {
  const chosen = Array.from({ length: count }, () => random.pick(kinds))
  for (const kind of first) chosen.splice(random.whole(0, Math.floor(chosen.length / 2)), 0, kind)
  const withIds = random.chance(0.5)
  const lines = []
  const planned = []
  for (const [number, kind] of chosen.entries()) {
    const name = `${kind}-${number}`
    const { script, state = 'succeeded' } = KINDS[kind] ?? { script: '', state: 'spawn-failed' }
    const args = ['-c', `echo "$0 $FAULT_MARK" >>"$FAULT_LOG"; ${script}`, name]
    const command = kind === 'missing' ? '/nonexistent/program' : '/bin/sh'
    lines.push(JSON.stringify({ ...(withIds && { id: name }), command, args }))
    planned.push({ name, kind, state, logs: kind !== 'missing' })
  }
  writeFileSync(file, `${lines.join('\n')}\n`)
  return planned
}

/** @param {{ args?: unknown }} record @returns {string} The name of the task that a result is of. */
export function nameOf({ args }) {
  return Array.isArray(args) ? String(args[2]) : ''
}
