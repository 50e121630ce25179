import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateRaw } from 'node:zlib'
import { encodeChunk } from './chunk.js'
import type { ReportHead, ReportRow } from './rows.js'

/** From src/report, and from wherever a build has put this code in dist/. */
const PLACES = ['./report-page.html', '../report-page.html', '../../dist/report-page.html']
/** Where the data go; the build leaves it there. */
const DATA_MARK = '<!--data-->'
const CONNECT_MARK = "connect-src 'none'"

/** Rows that are compressed together. */
export const CHUNK_ROWS = 8_192

const compress = promisify(deflateRaw)

/** The page before and behind its data. */
export interface PageParts {
  readonly before: string
  readonly after: string
}

/** @param isLive - whether it may ask the server that it comes from for more. */
export async function pageParts(isLive: boolean): Promise<PageParts> {
  const files = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  const page = await readFile(files.find((file) => existsSync(file)) ?? files[0]!, 'utf8')
  const [before = '', after = ''] = page.split(DATA_MARK)
  return { before: isLive ? before.replace(CONNECT_MARK, "connect-src 'self'") : before, after }
}

/** Rows as the page reads them, compressed. */
export function packRows(rows: readonly ReportRow[]): Promise<Buffer> {
  return compress(encodeChunk(rows))
}

export function packHead(head: ReportHead): Promise<Buffer> {
  return compress(Buffer.from(JSON.stringify(head)))
}

/** A piece of the data within the page. Base64 has no sign with which anything could begin in HTML. */
export function dataElement(kind: 'head' | 'rows', packed: Buffer): string {
  return `<script type="application/octet-stream" data-kind="${kind}">${packed.toString('base64')}</script>\n`
}
