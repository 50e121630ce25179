// Passes bytes on to an address and back, each after so many milliseconds: node slow-way.mjs ADDRESS PORT MS
import { connect } from 'node:net'

const [address, port, ms] = process.argv.slice(2)
const socket = connect(Number(port), address)

function passOn(from, to) {
  from.on('data', (chunk) => setTimeout(() => to.write(chunk), Number(ms)))
  from.on('end', () => setTimeout(() => to.end(), Number(ms)))
}

passOn(process.stdin, socket)
passOn(socket, process.stdout)
socket.on('error', () => process.exit(1))
socket.on('close', () => setTimeout(() => process.exit(0), Number(ms)))
process.stdout.on('error', () => process.exit(0))
