import { allOf, type CommandWords, type OptionWords, type Values } from './words.js'

/** A completion script for fish. */
export function fishScript(program: CommandWords): string {
  const all = allOf(program)
  return `# drover's completions for fish: drover completion fish | source

# Prints the command that is being typed and how many arguments it has, and whether a value of an option is to come.
function __drover_place
    set -l path
    set -l operands 0
    set -l option
    for word in (commandline -opc)[2..]
        if test -n "$option"
            set option
        else if contains -- $word ::: :::+
            echo items
            return
        else if string match -q -- '-?*' $word; and not __drover_passes "$path" $operands
            contains -- $word (__drover_valued "$path"); and set option value
        else if test $operands = 0; and contains -- $word (__drover_commands "$path")
            set path $path $word
        else
            set operands (math $operands + 1)
        end
    end
    string join ' ' -- $path $operands $option
end

function __drover_passes
    contains -- $argv[1] ${all.flatMap(({ path, passesOn }) => (passesOn ? [quoted(path.join(' '))] : [])).join(' ')}; and test $argv[2] -gt 0
end

function __drover_valued
    switch $argv[1]
${all
  .filter(({ options }) => options.some(takesValue))
  .map(valuedCase)
  .join('\n')}
    end
end

function __drover_commands
    switch $argv[1]
${all
  .filter(({ commands }) => commands.length > 0)
  .map(commandsCase)
  .join('\n')}
    end
end

function __drover_at
    string match -qr -- "^(?:$argv[1])"'$' (__drover_place)
end

complete -c drover -f
complete -c drover -n '__drover_at items' -F
${all.flatMap(commandLines).join('\n')}
`
}

function takesValue({ valueName }: OptionWords): boolean {
  return valueName !== null
}

function valuedCase({ path, options }: CommandWords): string {
  const names = options.filter(takesValue).flatMap((option) => option.names)
  return `        case ${quoted(path.join(' '))}\n            printf '%s\\n'${names.map((name) => ` ${name}`).join('')}`
}

function commandsCase({ path, commands }: CommandWords): string {
  return `        case ${quoted(path.join(' '))}\n            printf '%s\\n'${commands.map((each) => ` ${each.path.at(-1)}`).join('')}`
}

function commandLines({ path, options, commands, operands, repeats, passesOn }: CommandWords): string[] {
  const at = (places: string) => `-n ${quoted(`__drover_at "${[...path, places].join(' ')}"`)}`
  const last = passesOn ? 'files' : operands.at(-1)!
  return [
    ...options.map((option) => optionLine(at(passesOn ? '0( value)?' : '\\d+( value)?'), option)),
    ...commands.map(
      (each) => `complete -c drover ${at('0')} -a ${quoted(each.path.at(-1)!)} -d ${quoted(each.description)}`,
    ),
    ...operands.map((values, place) => `complete -c drover ${at(String(place))}${offer(values)}`),
    ...(repeats ? [`complete -c drover ${at(`([${operands.length}-9]|\\d\\d+)`)}${offer(last)}`] : []),
  ]
}

function optionLine(condition: string, { names, description, valueName, values }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ')
  const value = valueName === null ? '' : ` -r${offer(values)}`
  return `complete -c drover ${condition} ${flags}${value} -d ${quoted(description)}`
}

function offer(values: Values): string {
  if (typeof values !== 'string') return ` -f -a ${quoted(values.join(' '))}`
  return {
    files: ' -F',
    folders: " -f -a '(__fish_complete_directories)'",
    programs: " -F -a '(__fish_complete_command)'",
    unknown: ' -f',
  }[values]
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}
