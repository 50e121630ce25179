import { InputError, OptionError } from '../../task/errors.js'

/** A machine as it was named. */
export interface HostSpec {
  /** What ssh is given: a name, an address or an alias of the user's configuration, as in `user@name`; `:` is this machine, without ssh. */
  readonly name: string
  /** How many tasks it may run at once; null for as many as it has CPUs. */
  readonly slots: number | null
}

/** This machine, without ssh. */
export const HERE = ':'

const MOST_SLOTS = 100_000

/**
 * Hosts as in `a,user@b:4,[::1]:2,:`, with how many slots each has where it is not to be found out.
 *
 * @throws OptionError that names the host and what is wrong with it.
 */
export function parseHosts(list: string): HostSpec[] {
  return list.split(',').map((word) => {
    const host = hostOf(word)
    if (typeof host === 'string') throw new OptionError(`hosts: ${host}`)
    return host
  })
}

/**
 * Hosts one a line; `#` begins a comment at the beginning of a line or after a blank.
 *
 * @throws InputError that names the line and what is wrong with it.
 */
export function parseHostLines(text: string, source: string): HostSpec[] {
  const hosts: HostSpec[] = []
  for (const [place, line] of text.split(/\r?\n/).entries()) {
    const word = line.replace(/(^|\s)#.*$/, '').trim()
    if (word === '') continue
    const host = hostOf(word)
    if (typeof host === 'string') throw new InputError({ source, line: place + 1 }, host)
    hosts.push(host)
  }
  return hosts
}

/** @throws OptionError when there is none, or one twice. */
export function checkHosts(hosts: readonly HostSpec[]): void {
  if (hosts.length === 0) throw new OptionError('hosts: there is none; name at least one')
  const names = new Set<string>()
  for (const { name, slots } of hosts) {
    const problem = problemOfName(name)
    if (problem !== null) throw new OptionError(`hosts: ${problem}`)
    if (slots !== null && !isSlots(slots)) throw new OptionError(`hosts: ${name} cannot have ${String(slots)} slots`)
    if (names.has(name)) throw new OptionError(`hosts: ${name} is named twice; give it more slots, as in ${name}:8`)
    names.add(name)
  }
}

/** The host, or what is wrong with it. */
function hostOf(word: string): HostSpec | string {
  const [, name, digits] = /^(:|(?:[^@]*@)?\[[^\]]*\]|[^:]*)(?::([0-9]+))?$/.exec(word) ?? []
  if (name === undefined) {
    return `${JSON.stringify(word)} has colons in it that are not in front of a number of slots; an address with colons goes into brackets, as in [::1]:4, and a port into ~/.ssh/config`
  }
  const problem = problemOfName(name)
  if (problem !== null) return problem
  const slots = digits === undefined ? null : Number(digits)
  if (slots !== null && !isSlots(slots))
    return `${JSON.stringify(word)}: a host has from 1 to ${MOST_SLOTS} slots, not ${digits}`
  return { name: name.replace(/\[([^\]]*)\]$/, '$1'), slots }
}

function isSlots(slots: number): boolean {
  return Number.isSafeInteger(slots) && slots >= 1 && slots <= MOST_SLOTS
}

/** Whatever else it is, ssh says it by itself; this is what it would take for something other than a name. */
function problemOfName(name: string): string | null {
  const shown = JSON.stringify(name)
  if (typeof name !== 'string' || name === '') return 'a host has no name'
  if (name.startsWith('-') || name.includes('@-')) return `${shown} begins with -, as no host does`
  if (/[\x00-\x1f\x7f]/.test(name)) return `${shown} has control characters in it`
  if (name.includes('://')) return `${shown} is a URL; a port goes into ~/.ssh/config`
  return null
}
