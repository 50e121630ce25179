import fc from 'fast-check'

/** Text that does harm wherever it is not quoted exactly for its place. `MARK` stands for a command that shows it. */
export const HOSTILE: readonly string[] = [
  '$(MARK)',
  '`MARK`',
  "'; MARK; '",
  "'$(MARK)'",
  '"; MARK; "',
  '"$(MARK)"',
  '"\'; MARK; \'"',
  "'\"; MARK; \"'",
  '\nMARK\n',
  'E\nMARK\nE\nMARK\n',
  "\\'; MARK; '",
  '\\"; MARK; "',
  '; MARK #',
  ') ; MARK ; (',
  '} ; MARK ; {',
  "a' ; MARK ; #",
  'a[$(MARK)]',
  '-va[$(MARK)]',
  '))$(MARK)((',
  ";; esac; MARK; case x in x) '",
  ";;esac);MARK;'",
  "')';MARK;'",
  '\\\n`MARK`',
  "]] ; MARK ; [[ '",
  "'\nMARK\n'",
  "'\nE\nMARK\n'",
  '"\nMARK\n"',
  "#'\nMARK\n",
  "}'$(MARK)'",
  "x'`MARK`\"`MARK`'",
]

const TOKENS: readonly string[] = [
  ...["'", '"', '`', '$', '\\', '\\\n', '\n', ';', '&', '|', '<', '>', '(', ')', '{', '}', '[', ']', '#', ' ', '\t', '='],
  ...['!', '~', '*', '?', '@', '-', '%', '+', '^', ',', ':', '.', '1', '2', 'a', 'x', 'E', 'é', '\u00a0', '\x81', '\r', '\v'],
  ...['$(', '$((', '((', '))', '${', '${x', '${x:-', '${x#', '${#x}', '${x}', '$x', '$$', '$#', '$!', '$@', '$[', "$'", '$"'],
  ...['<<', '<<-', '<<E', "<<'E'", '<<\\E', '\nE\n', '<<<', '>&', '<&', '>>', '<>', '>|', '&>', '2>', '2>&1', '<(', '>('],
  ...[' # ', ' #', '#a', "#'", '# "', '\n#', '&&', '||', ';;', '|&', ';&', '()', '( )', '( ', ' )'],
  ...['case x in ', ' a) ', ' *) ', ' (x) ', ';; esac', ' esac', 'if ', 'then ', ' else ', ' fi', ' do ', ' done', 'for i in ', 'in '],
  ...['[[ ', ' ]]', ' =~ ', ' == ', '[ ', ' ]', 'a[', 'a[0]=', 'a=', 'a=(', 'x=', 'PS=', 'export ', 'eval ', 'let ', 'read '],
  ...['printf ', 'printf %s ', "printf '%s' ", ': ', 'true ', ' :;', ' : ', 'command ', 'exec ', 'f() { ', ' }', '; }', '{ ', '! '],
  ...['-v ', ' -v', '--', "'a'", '"a"', "'\\'", '"\\"', "\\'", '\\"', '\\`', '\\$', '\\#', "''", '""', "$'\\''", "$'a'", '\\\\'],
  ...['unset ', 'test ', 'declare ', 'trap ', ' EXIT', 'coproc ', 'time ', 'select i in ', 'function f ', '@(', '!(', '+('],
]

const hole = fc.constantFrom('{}', '{}', '{}', '{.}', '{/}', '{1}')
const token = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...TOKENS) }, { weight: 2, arbitrary: hole })
const soup = fc.array(token, { minLength: 1, maxLength: 9 }).map((tokens) => tokens.join(''))

/** Pieces of shell that are mostly well-formed, nested in each other, with soup in between. */
const { nested } = fc.letrec<{ nested: string; part: string }>((tie) => ({
  nested: fc.array(tie('part'), { minLength: 1, maxLength: 4, depthIdentifier: 'shell' }).map((parts) => parts.join('')),
  part: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'shell' },
    hole,
    token,
    fc.constantFrom(' ', ' a ', '; : ', '\n'),
    ...[
      ['"', '"'],
      ["'", "'"],
      ['`', '`'],
      ['$(', ')'],
      ['$(: ', ')'],
      ['"$(: ', ')"'],
      ['"$(case x in x) : ', ';; esac)"'],
      ['$(case x in x) : ', ';; esac)'],
      ['( : ', ' )'],
      ['{ : ', '; }'],
      ['${x:-', '}'],
      ['"${x:-', '}"'],
      ['${x#', '}'],
      ['$((', '))'],
      ['((', '))'],
      ['$[', ']'],
      ["$'", "'"],
      ['$"', '"'],
      [': <<E ', '\n'],
      [': <<E\n', '\nE\n'],
      [": <<'E'\n", '\nE\n'],
      [': <<"E', '"\nE\n'],
      [' # ', '\n'],
      ['if : ', '; then :; fi'],
      ['case ', ' in *) : ;; esac'],
      ['case x in ', ') : ;; esac'],
      ['for i in ', '; do : "$i"; done'],
      ['[[ a == ', ' ]]'],
      ['[ ', ' = a ]'],
      ['a=', ' :'],
      ['a[', ']=1'],
      ['f() { : ', '; }; f'],
      ['>', ' :'],
      ['\\', ''],
      ['\\\n', ''],
    ].map(([before, after]) => tie('nested').map((inside) => `${before}${inside}${after}`)),
  ),
}))

/** Lines that look like shell, each with a placeholder. */
export const shellLines: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('', ': ', ': ', ": 'x' ", 'printf %s '), fc.oneof(soup, nested, nested), fc.constantFrom('', ' {}', ' : {}', ' "{}"', " '{}'", '; : {}', '\n: {}'))
  .map((parts) => parts.join(''))
  .filter((line) => line.includes('{') && !line.includes('\0'))
