import { join, resolve } from 'node:path'
import type { OutputSpec, StartError, StartSpec, StdinSpec } from '../port.js'
import { type FrameWriter, textBound } from './frame-writer.js'
import { boundOfDescriptors, type OpenedDescriptor, openedDescriptors, writeDescriptors } from './start-descriptors.js'
import { describedError, tooLongError } from './start-errors.js'
import {
  bitsOfOptions,
  boundOfRanges,
  checkOptions,
  OPTIONS_BOUND,
  writeOptions,
  writeRanges,
  writeTreeLimits,
} from './start-options.js'
import { FRAME_LIMIT, HEADER_BYTES, Request, StartFlag, StreamKind } from './wire.js'

type Text = string | Uint8Array

/** Paths in a start are relative to the launcher's working directory, which is where Node was when it was started. */
export interface Directories {
  readonly launcher: string | null
  readonly now: string | null
}

/**
 * Writes the frame that starts a child.
 *
 * @returns why it has written nothing, or null: the start is longer than the launcher takes, or asks for what cannot be.
 */
export function writeStart(
  writer: FrameWriter,
  number: number,
  spec: StartSpec,
  credit: number,
  directories: Directories,
): StartError | null {
  let descriptors: readonly OpenedDescriptor[]
  try {
    checkOptions(spec)
    descriptors = openedDescriptors(spec, (path) => located(path, directories))
  } catch (error) {
    return describedError(error)
  }
  const options = bitsOfOptions(spec)
  const cwd = workingDirectory(spec.cwd, directories)
  const paths = [pathOf(spec.stdin), pathOf(spec.stdout), pathOf(spec.stderr)].map((path) =>
    path === null ? null : located(path, directories),
  )
  const groups = spec.groups?.map((group) => join(located(group, directories), 'cgroup.procs')) ?? []
  const { set, removed } = environmentOf(spec)
  const bound =
    24 +
    OPTIONS_BOUND +
    boundOfDescriptors(descriptors) +
    4 +
    boundOf(groups) +
    boundOfRanges(spec) +
    boundOf([spec.scope, spec.file, cwd ?? '', ...set, ...removed]) +
    boundOf(spec.args) +
    boundOf(paths)
  if (bound > FRAME_LIMIT - HEADER_BYTES) return tooLongError(spec)

  writer.begin(Request.start, flagsOf(spec), number, bound)
  writer.u8(inputKind(spec.stdin))
  writer.u8(outputKind(spec.stdout))
  writer.u8(outputKind(spec.stderr))
  writer.u8(cwd === null ? 0 : 1)
  writer.u32(credit)
  writer.u32(options)
  writer.u32(spec.args.length + 1)
  writer.u32(set.length)
  writer.u32(removed.length)
  if (options !== 0) writeOptions(writer, options, spec)
  if (descriptors.length > 0) writeDescriptors(writer, descriptors)
  if (groups.length > 0) {
    writer.u32(groups.length)
    for (const group of groups) writer.text(group)
  }
  writeRanges(writer, spec)
  writeTreeLimits(writer, options, spec)
  writer.text(spec.scope)
  if (cwd !== null) writer.text(cwd)
  for (const path of paths) if (path !== null) writer.text(path)
  writer.text(spec.file)
  for (const arg of spec.args) writer.text(arg)
  for (const entry of set) writer.text(entry)
  for (const name of removed) writer.text(name)
  writer.end()
  return null
}

function flagsOf({ place }: StartSpec): number {
  if (place === undefined) return 0
  if (place.passedOn === 'never') return StartFlag.placed | StartFlag.keeps
  return place.passedOn === 'on-success' ? StartFlag.placed | StartFlag.keepsOnFailure : StartFlag.placed
}

interface Change {
  readonly set: readonly Text[]
  readonly removed: readonly string[]
}

const NO_CHANGE: Change = { set: [], removed: [] }
/** Of environments that cannot change, since one of them may be that of very many starts. */
const known = new WeakMap<object, Change>()

function environmentOf({ env }: StartSpec): Change {
  if (env === undefined) return NO_CHANGE
  const same = known.get(env)
  if (same !== undefined) return same
  const change = changeOf(env)
  if (Object.isFrozen(env) && change.set.every((entry) => typeof entry === 'string')) known.set(env, change)
  return change
}

function changeOf(env: NonNullable<StartSpec['env']>): Change {
  const set: Text[] = []
  const removed: string[] = []
  for (const name of Object.keys(env)) {
    const value = env[name]
    if (typeof value === 'string') set.push(`${name}=${value}`)
    else if (value == null) removed.push(name)
    else set.push(Buffer.concat([Buffer.from(`${name}=`), value]))
  }
  return { set, removed }
}

function workingDirectory(cwd: string | undefined, directories: Directories): string | null {
  if (cwd !== undefined) return located(cwd, directories)
  return directories.now === directories.launcher ? null : directories.now
}

function located(path: string, { launcher, now }: Directories): string {
  if (path.startsWith('/') || launcher === now || now === null || path === '') return path
  return resolve(now, path)
}

function boundOf(texts: readonly (Text | null)[]): number {
  let bound = 0
  for (const text of texts) if (text !== null) bound += textBound(text)
  return bound
}

function pathOf(stream: StdinSpec | OutputSpec): string | null {
  return 'path' in stream ? stream.path : null
}

function inputKind({ from }: StdinSpec): number {
  switch (from) {
    case 'null':
      return StreamKind.null
    case 'file':
      return StreamKind.file
    case 'inherit':
      return StreamKind.inherit
    default:
      return StreamKind.pipe
  }
}

function outputKind(output: OutputSpec): number {
  switch (output.to) {
    case 'null':
      return StreamKind.null
    case 'pipe':
      return StreamKind.pipe
    case 'count':
      return StreamKind.count
    case 'inherit':
      return StreamKind.inherit
    default:
      return output.append === true ? StreamKind.append : StreamKind.file
  }
}
