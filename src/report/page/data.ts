import { decodeChunk } from '../chunk.js'
import type { ReportHead, ReportRow } from '../rows.js'

/** What the page holds: its head, and its rows some at a time. */
export async function embedded(onRows: (rows: ReportRow[]) => void): Promise<ReportHead | null> {
  let head: ReportHead | null = null
  for (const script of document.querySelectorAll<HTMLScriptElement>('script[data-kind]')) {
    const bytes = await inflate(fromBase64(script.textContent ?? ''))
    if (script.dataset.kind === 'head') head = JSON.parse(new TextDecoder().decode(bytes)) as ReportHead
    else onRows(decodeChunk(bytes))
    // It is not needed any more, and may be large.
    script.remove()
  }
  return head
}

export async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}
