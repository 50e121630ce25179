import type { Limits } from '../process/limits.js'
import { checkOneOf } from '../process/process-options.js'
import type { JobserverMode } from '../slots/jobserver/jobserver-source.js'
import type { JobserverForm } from '../slots/jobserver/server-tokens.js'
import type { SlotOptions } from '../slots/slot-sources.js'
import type { SharingWords } from './sharing-words.js'
import {
  given,
  parseCount,
  parseCpus,
  parseDuration,
  parseLoad,
  parseNice,
  parsePressure,
  parseSize,
} from './values.js'

const JOBSERVER_MODES = ['auto', 'server', 'client', 'off'] as const

/** @throws OptionError that names the option and what was expected. */
export function sharingOptions(words: SharingWords): Limits & SlotOptions {
  const read = <Value>(text: string | undefined, parse: (text: string) => Value) =>
    text === undefined ? undefined : parse(text)
  return given({
    maxLoad: read(words.load, parseLoad),
    minFreeBytes: read(words.memfree, (text) => parseSize('--memfree', text)),
    maxPressure: read(words.pressure, parsePressure),
    maxMemoryBytes: read(words.maxMemory, (text) => parseSize('--max-memory', text)),
    maxProcesses: read(words.maxProcesses, (text) => parseCount('--max-processes', text, 1)),
    maxCpuMs: read(words.maxCpuTime, (text) => parseDuration('--max-cpu-time', text)),
    maxFileSizeBytes: read(words.maxFileSize, (text) => parseSize('--max-file-size', text)),
    cpus: read(words.cpus, parseCpus),
    nice: read(words.nice, parseNice),
    slots: words.slots,
    jobserver: checkOneOf<JobserverMode>('--jobserver', (words.jobserver ?? 'auto') as JobserverMode, JOBSERVER_MODES),
    jobserverForm: read(words.jobserverForm, (text) =>
      checkOneOf<JobserverForm>('--jobserver-form', text as JobserverForm, ['pipe', 'fifo']),
    ),
  })
}
