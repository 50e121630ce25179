import { decodeChunk } from '../chunk.js'
import { readAnswer } from '../live/answer.js'
import type { ReportHead } from '../rows.js'
import { inflate } from './data.js'
import { part } from './dom.js'
import { formatCount } from './format.js'
import type { TaskTable } from './task-table.js'

/** A server that has not answered for so many tries is taken for one that is gone. */
const MOST_FAILED = 5
const RETRY_MS = 1_000
/** The page is to have much more time for its reader than for drawing itself anew. */
const DRAWING_SHARE = 5

/**
 * Asks for what is new until the run has ended, and then goes on showing it. Rows that the server may still add to a piece come with each
 * answer, in place of those before.
 */
export async function follow(table: TaskTable, show: (head: ReportHead) => void): Promise<void> {
  let pieces = 0
  let sealed = 0
  let failed = 0
  let hold = false
  const page = crypto.randomUUID().replaceAll('-', '')
  const token = new URLSearchParams(location.search).get('token') ?? ''
  document.documentElement.dataset.ready = 'true'
  for (;;) {
    try {
      const url = new URL('data', location.href)
      url.search = new URLSearchParams({ token, page, from: String(pieces), hold: hold ? '1' : '0' }).toString()
      const response = await fetch(url, { cache: 'no-store' })
      if (!response.ok) throw new Error(`it answered ${response.status}`)
      const answer = readAnswer(new Uint8Array(await response.arrayBuffer()))
      const head = JSON.parse(new TextDecoder().decode(await inflate(answer.head))) as ReportHead
      table.truncate(sealed)
      for (const piece of answer.sealed) table.addRows(decodeChunk(await inflate(piece)))
      pieces += answer.sealed.length
      sealed = table.count
      if (answer.open !== null) table.addRows(decodeChunk(await inflate(answer.open)))
      const { live } = head
      if (live === null) throw new Error('it is no live report')
      if (!live.done) table.addRunning(live.running, head.madeAt, head.runs[0]?.host ?? '')
      const begun = performance.now()
      show(head)
      showState(head, table)
      failed = 0
      hold = !answer.hasMore
      if (live.done && !answer.hasMore) return
      await pause((performance.now() - begun) * DRAWING_SHARE)
    } catch (error) {
      failed += 1
      part('live').textContent = `Lost: ${error instanceof Error ? error.message : String(error)}`
      part('live').dataset.state = 'lost'
      if (failed === MOST_FAILED) {
        part('live').textContent = 'The run has ended or was ended without telling; this is what was known'
        return
      }
      await pause(RETRY_MS)
    }
  }
}

function showState({ live }: ReportHead, table: TaskTable): void {
  const place = part('live')
  place.hidden = false
  place.dataset.state = live!.done ? 'done' : 'running'
  const done = formatCount(table.settled)
  place.textContent = live!.done
    ? 'Ended; all of it is here'
    : `Live: ${formatCount(live!.runningCount)} running, ${done} ended`
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
