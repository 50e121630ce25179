import { rejectUnknown } from '../../process/process-options.js'
import { OptionError } from '../../task/errors.js'
import { parseListenAddress } from '../../web/listen-address.js'
import type { LiveReport, LiveReportOptions } from './live-options.js'

/**
 * Serves the page of a report while a run goes on, to whoever has its token. It keeps some 20 bytes for each result, and 64 MiB in all; what comes
 * after that is only counted. A browser that is slow, or none at all, makes no difference to the run.
 *
 * @throws (as a rejection) OptionError for an option that cannot be used, or where nobody can listen there.
 *
 * @example
 * const report = await serveReport({ address: '8080' })
 * const run = dispatch(tasks, { onResult: (result) => report.add(result), onAttempt: (attempt) => report.add(attempt) })
 * report.watch(run)
 * await run.summary()
 * await report.close()
 */
export async function serveReport(options: LiveReportOptions): Promise<LiveReport> {
  rejectUnknown('serveReport()', options, ['address', 'token', 'command'])
  const { address, token, command = [] } = options
  if (token !== undefined && (typeof token !== 'string' || !/^[\w.~-]{16,}$/.test(token)))
    throw new OptionError('token: expected at least 16 letters, digits and -, ., _ or ~')
  if (!Array.isArray(command) || command.some((word) => typeof word !== 'string'))
    throw new OptionError(`command: expected an array of strings, not ${JSON.stringify(command)}`)
  const { LiveServer } = await import('./live-server.js')
  const where = typeof address === 'string' ? parseListenAddress('report', address) : address
  return LiveServer.start({ address: where, token, command })
}
