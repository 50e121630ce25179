import { stat } from 'node:fs/promises'
import type { OutputSpec, OutputStream, StartSpec } from '../launcher/port.js'
import type { OutputCapture } from './output-capture.js'

/** The files that output goes straight to. */
export function outputFilesOf({ stdout, stderr }: StartSpec): Record<OutputStream, string | null> {
  return { stdout: pathOf(stdout), stderr: pathOf(stderr) }
}

function pathOf(output: OutputSpec): string | null {
  return output.to === 'file' ? output.path : null
}

/** Adds what is in the files to what was counted of the streams. */
export async function countFiles(
  files: Readonly<Record<OutputStream, string | null>>,
  capture: Readonly<Record<OutputStream, OutputCapture>>,
): Promise<void> {
  const isShared = files.stderr === files.stdout
  const [stdout, stderr] = await Promise.all([sizeOf(files.stdout), isShared ? 0 : sizeOf(files.stderr)])
  capture.stdout.count(stdout)
  capture.stderr.count(stderr)
}

/** In bytes; 0 where there is none, because the program was never started or has removed it. */
async function sizeOf(path: string | null): Promise<number> {
  if (path === null) return 0
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
