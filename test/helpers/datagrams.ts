import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Prints each datagram that comes at a unix socket as a line of JSON: its text, and the pid that the kernel vouches for. */
const RECEIVER = `
import json, socket, struct, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
name = sys.argv[1]
receiver.bind('\\0' + name[1:] if name.startswith('@') else name)
print(json.dumps('bound'), flush=True)
while True:
    data, extra, _, _ = receiver.recvmsg(65536, socket.CMSG_SPACE(12))
    pid = struct.unpack('iII', extra[0][2])[0]
    print(json.dumps({'text': data.decode(), 'pid': pid}), flush=True)
`

export interface Datagram {
  readonly text: string
  /** Of who sent it. */
  readonly pid: number
}

/** A unix socket that datagrams come at; Node has none. */
export class DatagramReceiver {
  readonly received: Datagram[] = []
  readonly #process: ChildProcess
  readonly #ready: Promise<unknown>

  /** @param name - a path, or a name after an `@`. */
  constructor(name: string) {
    this.#process = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: this.#process.stdout! })
    this.#ready = new Promise((resolve) => lines.once('line', resolve))
    lines.on('line', (line) => {
      const said = JSON.parse(line) as Datagram | 'bound'
      if (said !== 'bound') this.received.push(said)
    })
  }

  /** Resolves when it receives. */
  async ready(): Promise<void> {
    await this.#ready
  }

  get texts(): string[] {
    return this.received.map(({ text }) => text)
  }

  close(): void {
    this.#process.kill('SIGKILL')
  }
}
