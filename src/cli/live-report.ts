import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import type { LiveReport } from '../report/live/live-options.js'
import type { ListenAddress } from '../web/listen-address.js'
import { printErr } from './print.js'

/** Serves a page of the run, and says where. @throws OptionError where nothing can listen there. */
export async function openLiveReport(address: ListenAddress): Promise<LiveReport> {
  const { serveReport } = await import('../report/live/serve-report.js')
  const live = await serveReport({ address, command: ['drover', ...process.argv.slice(2)] })
  // The only time that anybody gets to know the token, so --quiet does not keep it back.
  printErr(`drover: report: ${live.url}\n`)
  return live
}

/** Has the page told of all results, after whoever has to know them first. */
export function shownIn(live: LiveReport | null, options: DispatchSourceOptions): DispatchSourceOptions {
  if (live === null) return options
  return {
    ...options,
    onAttempt: (attempt) => live.add(attempt),
    onResult: (result, progress) => {
      const told = options.onResult?.(result, progress)
      if (told === undefined) return live.add(result)
      return told.then(() => live.add(result))
    },
  }
}
