import type { EnvironmentChange } from './environment-mirror.js'
import { type FrameWriter, textBound } from './frame-writer.js'
import { Request } from './wire.js'

/** Tells the launcher what children started from now on find in their environment besides what it was started with. */
export function writeEnvironment(writer: FrameWriter, { set, removed }: EnvironmentChange): void {
  const texts = [...set, ...removed]
  writer.begin(Request.environment, 0, 0, 8 + texts.reduce((sum, text) => sum + textBound(text), 0))
  writer.u32(set.length)
  writer.u32(removed.length)
  for (const text of texts) writer.text(text)
  writer.end()
}
