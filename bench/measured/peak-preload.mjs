// Loaded into drover's command line before it starts: writes to the file $BENCH_REPORT how big the process ever was.
import { writeFileSync } from 'node:fs'
import { ownPeakMb } from '../lib/proc.mjs'

process.on('exit', () => {
  writeFileSync(process.env.BENCH_REPORT ?? '/dev/null', JSON.stringify({ peakMb: ownPeakMb() }))
})
