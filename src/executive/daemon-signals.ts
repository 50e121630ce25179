import type { DaemonRounds } from './daemon-rounds.js'

type Steered = Pick<DaemonRounds<unknown, unknown>, 'end' | 'reload'>

/**
 * TERM and INT drain a daemon, a second one ends what is being handled, a third one without any grace; HUP reloads it.
 *
 * @returns stops listening.
 */
export function watchDaemonSignals(rounds: Steered): () => void {
  let times = 0
  const end = (signal: 'SIGTERM' | 'SIGINT') => {
    times += 1
    const how = times === 1 ? 'drain' : times === 2 ? 'now' : 'at once'
    rounds.end(signal, how, { code: 'ERR_DROVER_SIGNAL', message: `ended by ${signal}` })
  }
  const reload = () => rounds.reload()
  const listeners = [
    ['SIGTERM', () => end('SIGTERM')],
    ['SIGINT', () => end('SIGINT')],
    ['SIGHUP', reload],
  ] as const
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}
