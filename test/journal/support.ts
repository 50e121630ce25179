import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { RunRecord } from '../../src/journal/records.js'
import type { Attempt, Result } from '../../src/task/result.js'
import { temporaryFolder } from '../output/support.js'

/** The path of a journal that is not there yet, in a folder that goes when the test ends. */
export function newPath(): string {
  return join(temporaryFolder(), 'night.jsonl')
}

type AnyRecord = RunRecord | Result | Attempt

/** The records of a journal, each of which must be a whole line. */
export function recordsIn(path: string): AnyRecord[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  if (lines.pop() !== '') throw new Error(`${path} does not end with a newline`)
  return lines.map((line) => JSON.parse(line))
}

/** The same at a moment when the next record may be on its way into the file. */
export function recordsSoFar(path: string): AnyRecord[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

export function resultsIn(path: string): Result[] {
  return recordsIn(path).filter((record) => record.type === 'result')
}

/** The file, open until the test ends. */
export async function openUntilEnd(path: string): Promise<FileHandle> {
  const file = await open(path, 'a+')
  onTestFinished(() => file.close())
  return file
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
