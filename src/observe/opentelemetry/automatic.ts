import { createRequire } from 'node:module'
import type { Api } from './api.js'
import { makeMeasurements } from './measurements.js'
import { makeSpans } from './spans.js'

/** Where version 1 of the API keeps what the program has set up, whichever copy of the package did it. */
const GLOBALS = Symbol.for('opentelemetry.js.api.1')
const NAME = 'drover'

type Signal = 'trace' | 'metrics'
type Globals = Partial<Record<Signal, object>>

const stops: Record<Signal, (() => void) | null> = { trace: null, metrics: null }
/** How many have said by themselves how they want it. */
let explicit = 0
/** Null where the program's copy is none that drover can see; undefined until it was looked for. */
let api: Api | null | undefined

/**
 * Called when something begins: has its spans and measurements made if the program has set OpenTelemetry up by now. Without that it is one look
 * at a property; the package is never loaded for it.
 */
export function noticeOpenTelemetry(): void {
  const globals = (globalThis as { [GLOBALS]?: Globals })[GLOBALS]
  if (globals === undefined || explicit > 0) return
  if (globals.trace !== undefined && stops.trace === null) begin('trace')
  if (globals.metrics !== undefined && stops.metrics === null) begin('metrics')
}

/** Nothing is automatic any more. @returns takes that back. */
export function takeOver(): () => void {
  explicit += 1
  for (const signal of ['trace', 'metrics'] as const) {
    stops[signal]?.()
    stops[signal] = null
  }
  let isOver = false
  return () => {
    if (!isOver) explicit -= 1
    isOver = true
  }
}

/** The scope that spans and measurements are said to come from. */
export function scope(): [name: string, version: string] {
  try {
    return [NAME, createRequire(import.meta.url)('drover/package.json').version]
  } catch {
    // Not to be found in a program that was bundled.
    return [NAME, '']
  }
}

function begin(signal: Signal): void {
  if (api === undefined) api = loadApi()
  if (api === null || isDisabled()) return
  try {
    stops[signal] =
      signal === 'trace'
        ? makeSpans(api, api.trace.getTracer(...scope()), { commandArgs: false, propagate: false })
        : makeMeasurements(api, api.metrics.getMeter(...scope()))
  } catch (error) {
    // Of the provider that the program has set up. Tasks run all the same, and it is not asked again.
    stops[signal] = () => {}
    api.diag.error(`drover: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** By the variable that OpenTelemetry's own instrumentations heed. */
function isDisabled(): boolean {
  const names = process.env.OTEL_NODE_DISABLED_INSTRUMENTATIONS?.split(',') ?? []
  return names.some((name) => name.trim() === NAME)
}

/** The program may have a copy that drover cannot see. */
function loadApi(): Api | null {
  try {
    return createRequire(import.meta.url)('@opentelemetry/api') as Api
  } catch {
    return null
  }
}
