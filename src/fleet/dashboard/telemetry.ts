import type { Telemetry } from 'bullmq'

/**
 * What BullMQ is given so that it makes OpenTelemetry traces of tasks, from their submission to their end on another machine; undefined
 * where the package bullmq-otel is not installed. It speaks to whatever SDK the program has set up, and does nothing where there is none.
 *
 * @param version - what the traces say made them.
 */
export async function queueTelemetry(version?: string): Promise<Telemetry | undefined> {
  try {
    const { BullMQOtel } = await import('bullmq-otel')
    return new BullMQOtel({ tracerName: 'drover', ...(version !== undefined && { version }) }) as unknown as Telemetry
  } catch (error) {
    if (['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw error
  }
}
