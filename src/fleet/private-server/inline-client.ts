import { createConnection, type Socket } from 'node:net'

/** How long a server that works may take to answer. */
const ANSWER_MS = 5_000

/**
 * A connection to a Redis server for the few commands that looking after it takes, in Redis's inline form: words in a line, with an
 * answer each. Closed when an answer does not come in time.
 */
export class InlineClient {
  readonly #socket: Socket
  readonly #waiting: { resolve(answer: string): void; reject(error: Error): void }[] = []
  #received = ''
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => this.#take(chunk))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(new Error('the server closed the connection'))
        resolve()
      })
    })
  }

  /** Rejects with the system's error. */
  static connect(path: string): Promise<InlineClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new InlineClient(socket))
      })
    })
  }

  /**
   * The answer to a command: what is in it, with a `-` before an error.
   *
   * @throws Error (as a rejection) when the connection ends before, or no answer comes.
   */
  ask(command: string): Promise<string> {
    if (this.#socket.destroyed) return Promise.reject(new Error('the connection has ended'))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.close(), ANSWER_MS)
      this.#waiting.push({
        resolve: (answer) => {
          clearTimeout(timer)
          resolve(answer)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      })
      this.#socket.write(`${command}\r\n`)
    })
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Lets the process end while it is open. */
  unref(): void {
    this.#socket.unref()
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: string): void {
    this.#received += chunk
    for (;;) {
      const line = this.#received.indexOf('\r\n')
      if (line === -1) return
      const head = this.#received.slice(0, line)
      let [answer, end] = [head.startsWith('-') ? head : head.slice(1), line + 2]
      if (head.startsWith('$')) {
        const start = end
        end = start + Number(answer) + 2
        if (this.#received.length < end) return
        answer = this.#received.slice(start, end - 2)
      }
      this.#received = this.#received.slice(end)
      this.#waiting.shift()?.resolve(answer)
    }
  }
}

/** What there is at a socket: a server that answers, with a connection to it; one that does not answer yet; none. */
export type Presence = { readonly state: 'ready'; readonly client: InlineClient } | { readonly state: 'busy' | 'none' }

/** @throws the system's error (as a rejection) for a socket that cannot be used. */
export async function lookAt(socket: string): Promise<Presence> {
  let client: InlineClient
  try {
    client = await InlineClient.connect(socket)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { state: 'none' }
    // More at once than it has taken up.
    if (code === 'EAGAIN') return { state: 'busy' }
    throw error
  }
  try {
    const answer = await client.ask('PING')
    // Whatever else is wrong with it is for those who use it to see.
    if (!answer.startsWith('-LOADING')) return { state: 'ready', client }
  } catch {
    // It is ending, or does not answer.
  }
  client.close()
  return { state: 'busy' }
}
