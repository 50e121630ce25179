/** OpenTelemetry, where what is made by itself is not what you want: `drover/opentelemetry`. */
import * as api from '@opentelemetry/api'
import { scope, takeOver } from './automatic.js'
import { makeMeasurements } from './measurements.js'
import { makeSpans } from './spans.js'

/** All of it is optional. */
export interface InstrumentOptions {
  /** Makes the spans; null for none. Default: one of the global provider. */
  readonly tracer?: api.Tracer | null | undefined
  /** Measures; null for no measurements. Default: one of the global provider, as it is at this moment. */
  readonly meter?: api.Meter | null | undefined
  /**
   * Whether commands find the context of their span in their environment, as `TRACEPARENT` and `TRACESTATE` of W3C Trace Context. A task that
   * sets these itself keeps its own. Default: false.
   */
  readonly propagate?: boolean | undefined
  /** Whether spans tell the arguments of commands, as `process.command_args`, passwords and all. Default: false. */
  readonly commandArgs?: boolean | undefined
}

/**
 * Has spans and measurements made of all that drover does in this process from now on, in place of what it does by itself where a program has
 * set OpenTelemetry up.
 *
 * @returns ends it. What is going on then gets no span any more.
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  const { tracer = api.trace.getTracer(...scope()), meter = api.metrics.getMeter(...scope()) } = options
  const { propagate = false, commandArgs = false } = options
  const stops = [takeOver()]
  if (tracer !== null) stops.push(makeSpans(api, tracer, { propagate, commandArgs }))
  if (meter !== null) stops.push(makeMeasurements(api, meter))
  return () => {
    for (const stop of stops.splice(0)) stop()
  }
}
