import type { Socket } from 'node:net'

/** The lines of JSON that come from a socket; ends with it, whatever ended it. */
export class SocketLines implements AsyncIterableIterator<unknown, undefined> {
  readonly #values: AsyncGenerator<unknown, undefined>

  constructor(socket: Socket) {
    this.#values = values(socket)
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#values.next()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

async function* values(socket: Socket): AsyncGenerator<unknown, undefined> {
  let held: Buffer[] = []
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      let from = 0
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
        const line = Buffer.concat([...held, chunk.subarray(from, end)]).toString()
        held = []
        from = end + 1
        yield JSON.parse(line)
      }
      if (from < chunk.length) held.push(chunk.subarray(from))
    }
  } catch {
    // A connection that breaks off has ended.
  }
  return undefined
}
