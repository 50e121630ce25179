import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import type { AttemptMessage, ProcessMessage, RequestMessage, TaskMessage } from '../messages.js'
import type { Api } from './api.js'
import { commandArgs, endAttributes, errorType, executableName } from './attributes.js'
import { Listening } from './listening.js'

export interface SpanOptions {
  /** Whether spans tell the arguments of commands. */
  readonly commandArgs: boolean
  /** Whether commands get TRACEPARENT and TRACESTATE. */
  readonly propagate: boolean
}

/** Makes a span of each try of a task, each process that belongs to none, and each request to a pool. @returns ends it. */
export function makeSpans(api: Api, tracer: Tracer, options: SpanOptions): () => void {
  const listening = new Listening(api)
  const origins = new WeakMap<TaskMessage, Context>()
  const spans = new WeakMap<object, Span>()
  /** The contexts of what is being started at this moment: a start is one call, and what is within it belongs to it. */
  const starting: Context[] = []
  const here = () => starting.at(-1) ?? api.context.active()

  const begin = (message: object, name: string, kind: number, attributes: Attributes, parent: Context) => {
    const span = tracer.startSpan(name, { kind, attributes }, parent)
    spans.set(message, span)
    return api.trace.setSpan(parent, span)
  }
  const end = (message: object, attributes: Attributes, error: unknown, status: string) => {
    const span = spans.get(message)
    if (span === undefined) return
    spans.delete(message)
    span.setAttributes(attributes)
    if (error !== undefined) {
      span.setAttribute('error.type', errorType(error))
      span.setStatus({ code: api.SpanStatusCode.ERROR, message: status })
    }
    span.end()
  }

  listening.on('task', 'start', (task) => void origins.set(task, here()))
  listening.on('attempt', 'start', (message) => {
    const parent = origins.get(message.task) ?? here()
    const { command, args } = message.task
    const kind = command === null ? api.SpanKind.INTERNAL : api.SpanKind.CLIENT
    const name = command === null ? 'drover message' : executableName(command, args)
    starting.push(begin(message, name, kind, attemptAttributes(message, options), parent))
  })
  listening.on('attempt', 'end', () => void starting.pop())
  listening.on('attempt', 'asyncStart', (message) => {
    const { state, pid, exitCode, signal } = message.result!
    const attributes = { ...endAttributes({ pid, exitCode, signal }), 'drover.task.state': state }
    end(message, attributes, message.error, statusOf(state, exitCode, signal))
  })

  listening.on('process', 'start', (message) => {
    if (message.role === 'worker') return
    const isOwn = starting.length === 0
    const context = isOwn
      ? begin(message, fileName(message), api.SpanKind.CLIENT, processAttributes(message, options), here())
      : here()
    if (options.propagate) propagate(api, context, message)
  })
  listening.on('process', 'asyncStart', (message) => {
    const { exitCode = null, signal = null } = message
    end(message, endAttributes(message), message.error, statusOf('failed', exitCode, signal))
  })

  listening.on('request', 'start', (message) => {
    const name = executableName(message.program, message.args ?? [])
    begin(message, `request ${name}`, api.SpanKind.CLIENT, requestAttributes(message), here())
  })
  listening.on('request', 'asyncStart', (message) => {
    const queued = message.queuedMs == null ? {} : { 'drover.queue_time': message.queuedMs / 1_000 }
    const status = message.error === undefined ? '' : errorType(message.error)
    end(message, { ...endAttributes({ pid: message.pid }), ...queued }, message.error, status)
  })
  return () => listening.stop()
}

function attemptAttributes({ task, attempt, queuedMs }: AttemptMessage, options: SpanOptions): Attributes {
  const { command, args } = task
  return {
    ...(command !== null && { 'process.executable.name': executableName(command, args) }),
    ...(command !== null && options.commandArgs && { 'process.command_args': commandArgs(command, args) }),
    'drover.run': task.run,
    'drover.task.index': task.index,
    ...(task.id !== null && { 'drover.task.id': task.id }),
    'drover.task.attempt': attempt,
    'drover.queue_time': queuedMs / 1_000,
  }
}

function processAttributes({ file, args }: ProcessMessage, options: SpanOptions): Attributes {
  return {
    'process.executable.name': executableName(file, args),
    ...(options.commandArgs && { 'process.command_args': commandArgs(file, args) }),
  }
}

function requestAttributes({ program, args }: RequestMessage): Attributes {
  return { 'process.executable.name': executableName(program, args ?? []) }
}

function fileName({ file, args }: ProcessMessage): string {
  return executableName(file, args)
}

function statusOf(state: string, exitCode: number | null, signal: string | null): string {
  if (signal !== null) return `${state} by ${signal}`
  return exitCode === null ? state : `${state} with exit code ${exitCode}`
}

/** By hand: whatever the program sends to other services, its children are told in the form that is agreed for environments. */
function propagate(api: Api, context: Context, message: ProcessMessage): void {
  const spanContext = api.trace.getSpanContext(context)
  if (spanContext === undefined || !api.isSpanContextValid(spanContext)) return
  const { traceId, spanId, traceFlags, traceState } = spanContext
  message.setEnv('TRACEPARENT', `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`)
  const state = traceState?.serialize() ?? ''
  if (state !== '') message.setEnv('TRACESTATE', state)
}
