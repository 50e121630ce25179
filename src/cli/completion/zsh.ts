import { allOf, type CommandWords, type OptionWords, type Values } from './words.js'

/** A completion script for zsh, to be sourced, or to be put into a file `_drover` in a folder of `$fpath`. */
export function zshScript(program: CommandWords): string {
  return `#compdef drover
# drover's completions for zsh: source <(drover completion zsh), after compinit

${allOf(program).map(commandFunction).join('\n')}
if [[ $funcstack[1] == _drover ]]; then _drover "$@"; else compdef _drover drover; fi
`
}

function functionName(path: readonly string[]): string {
  return ['_drover', ...path].join('_')
}

function commandFunction(command: CommandWords): string {
  const { path, options, commands } = command
  const specs = [...options.map(optionSpec), ...operandSpecs(command)]
  const below = commands.length === 0 ? '' : ' -C'
  const call = `  _arguments${below} -s -S -A '-*' \\\n${specs.map((spec) => `    ${spec}`).join(' \\\n')}`
  const head = `${functionName(path)}() {`
  if (commands.length === 0) return `${head}\n${call}\n}\n`
  const list = commands.map((each) => `      ${quoted(`${escaped(each.path.at(-1)!)}:${each.description}`)}`).join('\n')
  const calls = commands.map((each) => `      ${each.path.at(-1)}) ${functionName(each.path)} ;;`).join('\n')
  return `${head}
  local curcontext=$curcontext state line
  local -a commands
  typeset -A opt_args
${call} && return
  case $state in
    command)
      commands=(
${list}
      )
      _describe -t commands 'command' commands
      ;;
    rest)
      case $words[1] in
${calls.replaceAll(/^/gm, '  ')}
      esac
      ;;
  esac
}
`
}

function optionSpec({ names, description, valueName, values, repeats }: OptionWords): string {
  // A short option may have its value with it (-j4), a long one after an equals sign.
  const forms = names.map((name) => (valueName === null ? name : name.startsWith('--') ? `${name}=` : `${name}+`))
  const value = valueName === null ? '' : `:${escaped(valueName)}:${action(values)}`
  const rest = quoted(`[${escaped(description)}]${value}`)
  const others = repeats ? "'*'" : quoted(`(${names.join(' ')})`)
  return forms.length === 1 ? `${others}${forms[0]}${rest}` : `${others}{${forms.join(',')}}${rest}`
}

function operandSpecs({ commands, operands, repeats, passesOn }: CommandWords): string[] {
  if (commands.length > 0) return ["'1: :->command'", "'*:: :->rest'"]
  return operands.flatMap((values, place) => {
    const isLast = place === operands.length - 1
    const name = typeof values === 'string' ? values.replace(/s$/, '') : 'word'
    const spec = quoted(`:${name}:${action(values)}`)
    // What follows a program is completed as that program's.
    if (isLast && passesOn) return [`'(-)'${place + 1}${spec}`, "'*::argument:_normal'"]
    return [`${isLast && repeats ? "'*'" : place + 1}${spec}`]
  })
}

function action(values: Values): string {
  if (typeof values !== 'string') return `(${values.join(' ')})`
  return { files: '_files', folders: '_files -/', programs: '_command_names -e', unknown: '' }[values]
}

/** Colons and brackets are zsh's own. */
function escaped(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, '\\$&')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
