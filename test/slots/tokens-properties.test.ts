import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientTokens } from '../../src/slots/jobserver/client-tokens.js'
import { ServerTokens } from '../../src/slots/jobserver/server-tokens.js'
import { FakePipe, FakeRun } from './fake-pipe.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const weights = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 })
const choices = fc.infiniteStream(fc.nat({ max: 1_000_000 }))

/** Does one thing after the other, whichever the stream says, until nothing is left to do. */
async function play(runs: readonly FakeRun[], pipe: FakePipe, stream: fc.Stream<number>, check: () => void) {
  for (const run of runs) run.pump()
  for (let steps = 0; steps < 2_000; steps += 1) {
    await turn()
    check()
    const actions = [
      ...pipe.ready.map((end) => () => end.step()),
      ...runs.flatMap((run) => run.running.map((_, index) => () => run.finish(index))),
    ]
    if (actions.length === 0) return
    actions[stream.next().value % actions.length]!()
  }
  throw new Error('it does not come to an end')
}

const usedBy = (run: FakeRun, most: number) => run.running.reduce((sum, { weight }) => sum + Math.min(weight, most), 0)

describe('tokens of a jobserver', () => {
  it('are never more than there are, all come back, and nobody waits for ever', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(weights, { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 5 }),
        choices,
        async (all, tokens, stream) => {
          const pipe = new FakePipe(tokens)
          const jobs = tokens + 1
          const runs = all.map(
            (each) => new FakeRun(each, 8, pipe, (context) => new ClientTokens(context, { fifo: '/fake' }, jobs)),
          )
          await play(runs, pipe, stream, () => {
            const used = runs.reduce((sum, run) => sum + usedBy(run, jobs), 0)
            // Each process has one slot that is no token.
            expect(used).toBeLessThanOrEqual(tokens + runs.filter((run) => run.running.length > 0).length)
          })
          expect(runs.every((run) => run.isOver)).toBe(true)
          await Promise.all(runs.map((run) => run.source.rest()))
          expect(pipe.tokens).toHaveLength(tokens)
        },
      ),
    )
  })

  it('are shared by a server with those inside it', async () => {
    const inner = fc.array(weights, { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(weights, inner, fc.integer({ min: 1, max: 5 }), choices, async (own, all, jobs, stream) => {
        const pipe = new FakePipe(0)
        const server = new FakeRun(own, jobs, pipe, (context) => new ServerTokens(context, 'pipe', true))
        const clients = all.map(
          (each) => new FakeRun(each, 8, pipe, (context) => new ClientTokens(context, { fifo: '/fake' }, jobs)),
        )
        // They stand for what runs within one task that goes on until they are done.
        server.queue.unshift(1)
        const areOver = () => clients.every((client) => client.isOver && client.hasGivenBack)
        let keeper: FakeRun['running'][number] | null = null
        const finish = server.finish.bind(server)
        server.finish = (index) => {
          keeper ??= server.running[0]!
          if (server.running[index] === keeper && !areOver()) return
          finish(index)
        }
        await play([server, ...clients], pipe, stream, () => {
          const used = usedBy(server, jobs)
          expect(used).toBeLessThanOrEqual(jobs)
          // Each client runs one on the slot of the task that it is in.
          const beyond = clients.reduce((sum, client) => sum + Math.max(0, usedBy(client, jobs) - 1), 0)
          expect(used + beyond).toBeLessThanOrEqual(jobs)
          expect(pipe.tokens.length).toBeLessThan(Math.max(jobs, 1))
        })
        expect([server, ...clients].every((run) => run.isOver)).toBe(true)
      }),
    )
  })
})
