/**
 * Every error that drover throws on purpose. `code` is stable and begins with `ERR_DROVER_`; the message says what
 * happened, where, and what to do next, and may change between releases.
 */
export class DroverError extends Error {
  override readonly name: string = 'DroverError'
  /** Stable: `ERR_DROVER_…`. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An option or argument that cannot be used: `ERR_DROVER_OPTION`. */
export class OptionError extends DroverError {
  override readonly name = 'OptionError'

  constructor(message: string) {
    super('ERR_DROVER_OPTION', message)
  }
}

/** Where in the input a mistake is. Lines and columns count from 1. */
export interface InputPlace {
  /** The file as the user named it, or `stdin`, or `arguments`. */
  readonly source: string
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
  /** Path of the field, as in `env.PATH` or `args[2]`. */
  readonly field?: string
}

/** A mistake in the tasks or items: `ERR_DROVER_INPUT`. Nothing was started. */
export class InputError extends DroverError {
  override readonly name = 'InputError'
  /** Where it is. */
  readonly place: InputPlace

  constructor(place: InputPlace, problem: string, options?: ErrorOptions) {
    super('ERR_DROVER_INPUT', `${describePlace(place)}: ${problem}`, options)
    this.place = place
  }
}

/** A command template that cannot be filled in safely: `ERR_DROVER_TEMPLATE`. */
export class TemplateError extends DroverError {
  override readonly name = 'TemplateError'

  constructor(message: string) {
    super('ERR_DROVER_TEMPLATE', message)
  }
}

/** A dispatcher, process or launcher that was used after it had been closed: `ERR_DROVER_CLOSED`. */
export class ClosedError extends DroverError {
  override readonly name = 'ClosedError'

  constructor(what: string) {
    super('ERR_DROVER_CLOSED', `${what} is closed and takes nothing more; create a new one`)
  }
}

/** `file, line 3, column 7, field "args[1]"`, as far as it is known. */
export function describePlace(place: InputPlace): string {
  const parts = [place.source]
  if (place.line !== undefined) parts.push(`line ${place.line}`)
  if (place.column !== undefined) parts.push(`column ${place.column}`)
  if (place.field !== undefined && place.field !== '') parts.push(`field "${place.field}"`)
  return parts.join(', ')
}
