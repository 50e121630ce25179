import { describe, expect, it } from 'vitest'
import type { ChildEvents, Launcher, OutputStream } from '../../src/launcher/port.js'

/** Answers each line, after it has complained of it; with a complaint longer than the launcher takes without being asked now and then. */
const TALKER = `
while read -r line; do
  case $line in
    *00) head -c 700000 /dev/zero >&2 ;;
    *) printf 'e%s.' "$line" >&2 ;;
  esac
  printf 'o%s.' "$line"
done`

/** The part of the contract that is about the order in which the two streams of a child are told. */
export function describeOrderOfStreams(launcherOf: () => Launcher): void {
  describe('the order of its streams', () => {
    it('of a child that is talked to: what it wrote to stderr before it wrote to stdout has been told by then', async () => {
      const told: Record<OutputStream, number> = { stdout: 0, stderr: 0 }
      let answers = ''
      let onAnswer = () => {}
      let onEnd = () => {}
      const ended = new Promise<void>((resolve) => {
        onEnd = resolve
      })
      const events: ChildEvents = {
        onSpawn() {},
        onSpawnError: ({ message }) => expect.fail(message),
        onOutput(stream, chunk) {
          told[stream] += chunk.length
          if (stream === 'stderr') return
          answers += chunk.toString()
          if (answers.endsWith('.')) onAnswer()
        },
        onOutputEnd() {},
        onExit: () => onEnd(),
        onLost: ({ message }) => expect.fail(message),
      }
      const child = launcherOf().start(
        {
          file: '/bin/sh',
          args: ['-c', TALKER],
          stdin: { from: 'pipe' },
          stdout: { to: 'pipe' },
          stderr: { to: 'pipe' },
          scope: 'contract',
        },
        events,
      )
      let complaints = 0
      for (let n = 1; n <= 500; n++) {
        const answered = new Promise<void>((resolve) => {
          onAnswer = resolve
        })
        answers = ''
        child.write(`${n}\n`)
        await answered
        // Whoever looks at the streams by himself sees both only at the end of a turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve))
        complaints += n % 100 === 0 ? 700_000 : `e${n}.`.length
        expect(answers).toBe(`o${n}.`)
        expect(told.stderr, `at answer ${n}`).toBe(complaints)
      }
      child.endInput()
      await ended
    })
  })
}
