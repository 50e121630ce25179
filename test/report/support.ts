import { existsSync, readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import { type Browser, chromium } from 'playwright-core'
import { decodeChunk } from '../../src/report/chunk.js'
import type { ReportHead, ReportRow } from '../../src/report/rows.js'

/** What the data of a page say. */
export interface ReadPage {
  readonly html: string
  readonly head: ReportHead
  readonly rows: ReportRow[]
}

export function readPage(path: string): ReadPage {
  return readHtml(readFileSync(path, 'utf8'))
}

export function readHtml(html: string): ReadPage {
  const pieces = [...html.matchAll(/<script type="application\/octet-stream" data-kind="(head|rows)">([^<]*)</g)]
  const bytesOf = (kind: string) =>
    pieces.filter((piece) => piece[1] === kind).map((piece) => inflateRawSync(Buffer.from(piece[2]!, 'base64')))
  const [head] = bytesOf('head')
  return { html, head: JSON.parse(head!.toString()), rows: bytesOf('rows').flatMap((bytes) => decodeChunk(bytes)) }
}

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export function launchBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path))
  if (executablePath === undefined)
    throw new Error('there is no Chromium here; install it (apt-get install -y chromium), or name it in CHROMIUM')
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}
