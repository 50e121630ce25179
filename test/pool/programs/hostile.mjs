// A worker that does to its pool what each request tells it to: node hostile.mjs PROTOCOL WORD [PLAN]. WORD marks its processes, and
// those that it starts; PLAN is JSON for the start. No part of drover is used.
import { spawn } from 'node:child_process'
import { appendFileSync, closeSync, readFileSync } from 'node:fs'
import { closeInput, put, sleep, WIRES } from './wires.mjs'

const [protocol, word, planText = '{}'] = process.argv.slice(2)
const wire = WIRES[protocol]
const plan = JSON.parse(planText)
const kept = []
let stays = false
let left = Number.POSITIVE_INFINITY

const forever = () => {
  for (;;) sleep(60_000)
}

function die({ code = 1, signal }) {
  if (signal === undefined) process.exit(code)
  process.kill(process.pid, signal)
  // Signals are delivered at once, but for those that something catches.
  forever()
}

const flood = (fd, bytes) => {
  const piece = Buffer.alloc(1 << 20, 'x')
  for (let sent = 0; sent < bytes; sent += piece.length) put(fd, piece)
}

/** What may be asked for. Each gets the request, the bytes of its answer, and its number. */
const acts = {
  answer: (_request, answer) => put(1, answer),
  /** Before the answer is whole: behind it, the next request may be on its way already. */
  die: (request, answer) => {
    put(1, answer.subarray(0, Math.min(request.at, answer.length - 1)))
    die(request)
  },
  silent: () => {},
  twice: (_request, answer) => put(1, Buffer.concat([answer, answer])),
  garbage: ({ garbage, at }, answer) =>
    put(1, Buffer.concat([answer.subarray(0, at), Buffer.from(garbage, 'latin1'), answer.subarray(at)])),
  wrongLength: (request, _answer, id) => put(1, wire.answer(id, request.text, request.by)),
  wrongId: (request, _answer, id) => put(1, wire.answer(id + request.by, request.text)),
  fail: (request, _answer, id) => put(1, wire.error(id, request.text)),
  slow: (_request, answer) => {
    for (const byte of answer) {
      put(1, [byte])
      sleep(1)
    }
  },
  floodErr: ({ bytes }, answer) => {
    flood(2, bytes)
    put(1, answer)
  },
  floodOut: ({ bytes }) => flood(1, bytes),
  exitAfter: (request, answer) => {
    put(1, answer)
    die(request)
  },
  /** Floods both when it has answered, and goes on. */
  floodErrAfter: ({ bytes }, answer) => {
    put(1, answer)
    flood(2, bytes)
  },
  closeOut: () => closeSync(1),
  closeIn: (_request, answer) => {
    put(1, answer)
    closeInput()
    forever()
  },
  closeBoth: () => {
    closeSync(1)
    closeInput()
    forever()
  },
  leak: ({ bytes }, answer) => {
    kept.push(Buffer.alloc(bytes, 1))
    put(1, answer)
  },
  /** As {@link leak}, and then is at it for ever. */
  swell: ({ bytes }) => {
    kept.push(Buffer.alloc(bytes, 1))
    forever()
  },
  fork: ({ own, holds }, answer) => {
    const seconds = /[\d.]+/.exec(word)[0]
    spawn('sleep', [seconds], { detached: own, stdio: holds ? ['ignore', 'inherit', 'inherit'] : 'ignore' })
    put(1, answer)
  },
  /** A child that prints into the pipes when this worker has long had another request. */
  forkPrinter: ({ file }, answer) => {
    const line = `while ! test -e "$1"; do sleep 0.01; done; echo from-the-child >&2; sleep ${/[\d.]+/.exec(word)[0]}`
    spawn('/bin/sh', ['-c', line, 'sh', file], { stdio: ['ignore', 'inherit', 'inherit'] })
    put(1, answer)
  },
  stop: (_request, answer) => {
    process.kill(process.pid, 'SIGSTOP')
    put(1, answer)
  },
  deaf: (_request, answer) => {
    put(1, answer)
    forever()
  },
  stay: (_request, answer) => {
    stays = true
    process.on('SIGTERM', () => {})
    put(1, answer)
  },
  /** Dies when it has answered so many more. */
  countDown: ({ more }, answer) => {
    left = more
    put(1, answer)
  },
  /** Answers when a file is there. */
  wait: ({ file }, answer) => {
    while (!exists(file)) sleep(2)
    put(1, answer)
  },
  env: (request, _answer, id) => put(1, wire.answer(id, JSON.stringify([process.cwd(), process.env[request.name]]))),
  pid: (_request, _answer, id) => put(1, wire.answer(id, String(process.pid))),
}

function exists(file) {
  try {
    readFileSync(file)
    return true
  } catch {
    return false
  }
}

function begin() {
  if (plan.log !== undefined) {
    appendFileSync(plan.log, `${Date.now()}\n`)
    const starts = readFileSync(plan.log, 'latin1').split('\n').length - 1
    if (starts > (plan.crashes ?? 0)) return
    put(2, plan.stderr ?? '')
    put(1, plan.stdout ?? '')
    die(plan)
  }
  if (plan.stdout !== undefined) put(1, plan.stdout)
}

begin()
wire.begin(plan)
for (let request = wire.request(plan); request !== null; request = wire.request(plan)) {
  const told = JSON.parse(request.text)
  if (told.stderr !== undefined) put(2, told.stderr)
  acts[told.act](told, wire.answer(request.id, told.text ?? ''), request.id)
  if (left-- <= 0) die({})
}
if (plan.bye !== undefined) put(plan.byeTo ?? 2, plan.bye)
if (stays) forever()
process.exit(0)
