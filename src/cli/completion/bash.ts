import { allOf, type CommandWords, type OptionWords, type Values } from './words.js'

/** A completion script for bash, from version 3.2 on. */
export function bashScript(program: CommandWords): string {
  const all = allOf(program)
  return `# drover's completions for bash: source <(drover completion bash)

# What is known of a command: its options, those of them that have a value, the commands below it, and its arguments.
_drover_know() {
  case $1 in
${all.map(commandCase).join('\n')}
  esac
}

# What may be the value of an option of a command.
_drover_values() {
  case $1 in
${all.flatMap(valueCases).join('\n')}
    *) values=unknown ;;
  esac
}

_drover_offer() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")
}

# Files are for readline, which knows how to quote them.
_drover_offer_values() {
  case $1 in
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    programs) compopt -o default 2>/dev/null; _drover_offer -c -- "$2" ;;
    unknown) ;;
    *) _drover_offer -W "$1" -- "$2" ;;
  esac
}

_drover() {
  local path='' operand=0 i word values options valued commands operands repeats passes
  local cur=\${COMP_WORDS[COMP_CWORD]} option=''
  COMPREPLY=()
  compopt +o default 2>/dev/null
  _drover_know ''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # bash takes --color=never for three words.
    if [[ $word == '=' ]]; then continue; fi
    if [[ -n $option && ( \${COMP_WORDS[i - 1]} == '=' || " $valued " == *" $option "* ) ]]; then option=''; continue; fi
    option=''
    if [[ $word == ::: || $word == :::+ ]]; then _drover_offer_values files; return; fi
    if ((operand == 0)) && [[ " $commands " == *" $word "* && -n $commands ]]; then
      path="\${path:+$path }$word"
      _drover_know "$path"
    elif [[ $word == -?* ]] && ! ((passes && operand)); then option=$word
    else operand=$((operand + 1)); fi
  done
  if [[ $cur == '=' ]]; then cur=''; fi
  if [[ -n $option && ( $cur == '' && \${COMP_WORDS[COMP_CWORD]} == '=' || \${COMP_WORDS[COMP_CWORD - 1]} == '=' || " $valued " == *" $option "* ) ]]; then
    _drover_values "$path $option"
    _drover_offer_values "$values" "$cur"
  elif [[ $cur == -* ]] && ! ((passes && operand)); then _drover_offer -W "$options" -- "$cur"
  elif [[ -n $commands ]] && ((operand == 0)); then _drover_offer -W "$commands" -- "$cur"
  elif ((passes && operand >= \${#operands[@]})); then _drover_offer_values files
  elif ((operand < \${#operands[@]})); then _drover_offer_values "\${operands[operand]}" "$cur"
  elif ((repeats)); then _drover_offer_values "\${operands[\${#operands[@]} - 1]}" "$cur"; fi
}

complete -o default -F _drover drover
`
}

function commandCase({ path, options, commands, operands, repeats, passesOn }: CommandWords): string {
  const names = (some: readonly OptionWords[]) => quoted(some.flatMap((option) => option.names).join(' '))
  return [
    `    ${quoted(path.join(' '))})`,
    `      options=${names(options)}`,
    `      valued=${names(options.filter((option) => option.valueName !== null))}`,
    `      commands=${quoted(commands.map((command) => command.path.at(-1)).join(' '))}`,
    `      operands=(${operands.map((values) => quoted(valuesText(values))).join(' ')}) repeats=${Number(repeats)} passes=${Number(passesOn)} ;;`,
  ].join('\n')
}

function valueCases({ path, options }: CommandWords): string[] {
  return options
    .filter(({ valueName, values }) => valueName !== null && values !== 'unknown')
    .map(({ names, values }) => {
      const cases = names.map((name) => quoted(`${path.join(' ')} ${name}`)).join(' | ')
      return `    ${cases}) values=${quoted(valuesText(values))} ;;`
    })
}

function valuesText(values: Values): string {
  return typeof values === 'string' ? values : values.join(' ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
