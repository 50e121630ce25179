import { drover } from '../helpers/drover.js'

/** The options of a command of drover, and whether each takes a value. */
export interface CommandOptions {
  readonly options: ReadonlyMap<string, boolean>
  /** What follows its first operand is not its own. */
  readonly passesOn: boolean
}

/** All commands by their path, as in `slots set`, by what their help says. */
export async function commandOptions(): Promise<Map<string, CommandOptions>> {
  const all = new Map<string, CommandOptions>()
  await addCommand([], all)
  return all
}

async function addCommand(path: readonly string[], all: Map<string, CommandOptions>): Promise<void> {
  const { stdout } = await drover([...path, '--help'])
  const options = new Map<string, boolean>()
  for (const [, names, value] of stdout.matchAll(/^ {2}(-{1,2}[\w-]+(?:, --[\w-]+)?)( [<[])?/gm)) {
    for (const name of names!.split(', ')) options.set(name, value !== undefined)
  }
  const [usage = ''] = /^Usage: (?:.*\n)+?\n/m.exec(stdout) ?? []
  all.set(path.join(' '), { options, passesOn: /COMMAND/.test(usage) })
  const [, commands = ''] = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout) ?? []
  const names = [...commands.matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1]!).filter((name) => name !== 'help')
  await Promise.all(names.map((name) => addCommand([...path, name], all)))
}

/** The calls of drover in lines for the shell, each as its words. Quotes hold words together, and no more is understood. */
export function callsIn(code: string): string[][] {
  const words = [...code.matchAll(/\n|#.*|[|;&]+|\$\(|(?:'[^']*'|"[^"]*"|[^\s'"|;&])+/g)].map((match) => match[0])
  const calls: string[][] = []
  let call: string[] | null = null
  for (const word of words) {
    if (/^(?:\n|#|[|;&]|\$\()/.test(word)) call = null
    else if (call !== null) call.push(word)
    else if (word === 'drover') {
      call = []
      calls.push(call)
    }
  }
  return calls
}

/** What is wrong with the options of a call; null when nothing is. */
export function problemOf(words: readonly string[], all: ReadonlyMap<string, CommandOptions>): string | null {
  let path = ''
  let place = 0
  for (; all.has(`${path} ${words[place]}`.trim()); place++) path = `${path} ${words[place]}`.trim()
  const { options, passesOn } = all.get(path)!
  if (path === '' && /^[a-z]/.test(words[0] ?? '')) return `there is no command ${words[0]}`
  for (; place < words.length; place++) {
    const word = words[place]!
    if (word === '--' || word.startsWith(':::')) return null
    if (!/^-./.test(word)) {
      if (passesOn) return null
      continue
    }
    const [name] = word.split('=') as [string]
    if (/^-[a-zA-Z]\d+$/.test(name) && options.get(name.slice(0, 2)) === true) continue
    const takesValue = options.get(name)
    if (takesValue === undefined) return `drover ${path} has no option ${name}`
    if (takesValue && !word.includes('=')) place++
  }
  return null
}
