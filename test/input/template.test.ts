import { describe, expect, it } from 'vitest'
import { formOf } from '../../src/input/item-forms.js'
import type { Columns } from '../../src/input/pieces.js'
import { Template } from '../../src/input/template.js'
import { TemplateError } from '../../src/task/errors.js'

const columns = (count: number, more: Partial<Columns> = {}): Columns => ({
  replace: '{}',
  names: new Map(),
  count,
  ...more,
})

function fill(words: string[], items: string[], more: Partial<Columns> = {}, shell = false): unknown {
  const { command, args } = new Template(words, shell, columns(items.length, more)).fill(items, 7, 3)
  return args === undefined ? command : [command, ...args]
}

describe('forms of an item', () => {
  // As GNU parallel gives them.
  it.each([
    ['a.b.c', 'a.b', 'a.b.c', '.', 'a.b'],
    ['dir.d/file', 'dir.d/file', 'file', 'dir.d', 'file'],
    ['/x/y.png', '/x/y', 'y.png', '/x', 'y'],
    ['a/b/', 'a/b/', '', 'a', ''],
    ['a//b', 'a//b', 'b', 'a', 'b'],
    ['/a', '/a', 'a', '/', 'a'],
    ['//a', '//a', 'a', '/', 'a'],
    ['/', '/', '', '/', ''],
    ['.bashrc', '', '.bashrc', '.', ''],
    ['a/.b', 'a/', '.b', 'a', ''],
    ['foo.', 'foo', 'foo.', '.', 'foo'],
    ['', '', '', '.', ''],
    ['new\nline.x/y', 'new\nline.x/y', 'y', 'new\nline.x', 'y'],
  ])('%j', (item, extensionless, base, directory, baseExtensionless) => {
    expect(formOf(item, '')).toBe(item)
    expect(formOf(item, '.')).toBe(extensionless)
    expect(formOf(item, '/')).toBe(base)
    expect(formOf(item, '//')).toBe(directory)
    expect(formOf(item, '/.')).toBe(baseExtensionless)
  })
})

describe('a program and its arguments', () => {
  it.each([
    [
      ['cp', '{}', '{.}.bak'],
      ['cp', '/d/x.c', '/d/x.bak'],
    ],
    [
      ['a', 'x{/}y{//}z{/.}'],
      ['a', 'xx.cy/dzx'],
    ],
    [
      ['a', '{#}-{%}', '{}'],
      ['a', '7-3', '/d/x.c'],
    ],
    [
      ['a', '{#}'],
      ['a', '7', '/d/x.c'],
    ],
    [
      ['a', 'b'],
      ['a', 'b', '/d/x.c'],
    ],
    [
      ['{}', 'b'],
      ['/d/x.c', 'b'],
    ],
    [
      ['a', '${}', '${x{}y}', '{}'],
      ['a', '${}', '${x{}y}', '/d/x.c'],
    ],
    [
      ['awk', '{print}', '{ }', '{{}}', '{a}'],
      ['awk', '{print}', '{ }', '{/d/x.c}', '{a}'],
    ],
    [
      ['a', '{-1}', '{1.}', '{-1/}'],
      ['a', '/d/x.c', '/d/x', 'x.c'],
    ],
    [
      ['a', '${ {}'],
      ['a', '${ /d/x.c'],
    ],
  ])('%j', (words, filled) => {
    expect(fill(words, ['/d/x.c'])).toEqual(filled)
  })

  it('has no quoting', () => {
    expect(fill(['a', "'{}'"], ['$(x) "'])).toEqual(['a', `'$(x) "'`])
  })

  it('takes several items as words where {} is a word, and joins them within one', () => {
    expect(fill(['a', '{}', 'x{}y', '{.}'], ['1.a', '2.b'])).toEqual(['a', '1.a', '2.b', 'x1.a 2.by', '1', '2'])
    expect(fill(['a', 'b'], ['1', '2'])).toEqual(['a', 'b', '1', '2'])
    expect(fill(['a', '{2}', '{-2}', '{1}'], ['1', '2'])).toEqual(['a', '2', '1', '1'])
  })

  it('has names for columns', () => {
    const names = new Map([
      ['file', 1],
      ['Größe in x', 2],
    ])
    expect(fill(['a', '{file.}', '{file/}', '{Größe in x}', '{other}'], ['d/f.x', '9'], { names })).toEqual([
      'a',
      'd/f',
      'f.x',
      '9',
      '{other}',
    ])
    const template = new Template(['a', '{Größe in x}'], false, columns(2, { names }))
    expect(template.fill(['f', Buffer.from([0xff])], 1, 1).args).toEqual([Buffer.from([0xff])])
  })

  it('takes another string for {}', () => {
    expect(fill(['a', 'ITEM', '{}', '{.}', 'xITEMy'], ['q.c'], { replace: 'ITEM' })).toEqual([
      'a',
      'q.c',
      '{}',
      'q',
      'xq.cy',
    ])
    expect(fill(['echo {} ITEM "%ITEM"'], ['q'], { replace: 'ITEM' })).toBe(`echo {} 'q' "%"'q'""`)
    expect(() => fill(['echo $ITEM'], ['q'], { replace: 'ITEM' })).toThrow('directly after a "$"')
  })

  it('must name a program', () => {
    expect(() => fill(['', '{}'], ['a'])).toThrow(TemplateError)
    expect(() => fill(['a', 'b\0c'], ['a'])).toThrow('NUL')
  })
})

describe('a line for the shell', () => {
  it.each([
    [['echo {1} {2} {-1}'], "echo 'a' 'b c' 'b c'"],
    [['echo {}'], "echo 'a' 'b c'"],
    [['echo "{}"'], `echo ""'a b c'""`],
    [["echo '{}'"], "echo 'a b c'"],
    [['echo x{}'], "echo x'a b c'"],
    [['X={} true'], "X='a b c' true"],
    [['echo {2} > {}'], "echo 'b c' > 'a b c'"],
    [['[ {} ]'], "[ 'a b c' ]"],
    [['echo'], "echo 'a' 'b c'"],
    [['cat <'], "cat < 'a b c'"],
    [['echo {#} "{%}" {2}'], `echo 7 "3" 'b c'`],
    [['echo $((1 + {#})) `echo {%}` {2}'], "echo $((1 + 7)) `echo 3` 'b c'"],
  ])('%j', (words, filled) => {
    expect(fill(words, ['a', 'b c'])).toBe(filled)
  })

  it('is made of several words by joining them', () => {
    expect(fill(['echo', '"{}"', '| cat'], ['a'], {}, true)).toBe(`echo ""'a'"" | cat`)
  })

  it.each([
    ['echo `basename {}`', 'within backticks', 16],
    ['echo "`basename {}`"', 'within backticks', 17],
    ['echo "$(basename {})"', 'within "$(…)"', 18],
    ['echo "$(basename "{}")"', 'within "$(…)"', 19],
    ['echo "$(case x in a) {} ;; esac)"', 'within "$(…)"', 22],
    ['echo "$(case x in a) : ;; esac)" {}', 'too tangled', 34],
    ['cat <<E\n{}\nE', 'here-document', 1],
    ['cat <<{}', 'delimiter of a here-document', 7],
    ['cat <<-"{}"', 'delimiter of a here-document', 9],
    ["cat <<'a b$c' {}", 'delimiter of a here-document', 15],
    ['cat <<E && echo {} && echo "\n{}"', 'here-document', 1],
    ['# {}', 'in a comment', 3],
    ['echo a;# {}', 'in a comment', 10],
    ['echo $(#{}\n)', 'may or may not begin a comment', 9],
    ["echo $( # it's\n {})", 'comment with quotes', 2],
    ['echo $((1 + {}))', 'within or after a $((…))', 13],
    ['((x = {}))', 'within or after ((…))', 7],
    ['echo $[{}]', '$[…]', 8],
    ['echo \\{}', 'directly after a backslash', 7],
    ['a=\\{}', 'directly after a backslash', 4],
    ['echo "\\{}"', 'directly after a backslash', 8],
    ["echo $'{}'", "within $'…'", 8],
    ["echo $'\\'' {}", 'not every sh ends at the same place', 12],
    ['echo $"{}"', '$"…"', 8],
    ['echo "${x:-"}"}" {}', 'tangled', 18],
    ["echo ${x:-'}'} {}", 'tangled', 16],
    ['echo ${x:-{}} {}', 'tangled', 15],
    ['echo a\\\n{}', 'continues within a word', 1],
    ['echo "a {}', 'not closed', 9],
    ["echo {} it's", 'not closed', 6],
    ['echo {} `', 'not closed', 6],
    ['diff <(sort {}) x', '<(…)', 13],
    ['a=({})', '"=("', 4],
    ['[[ {} == x ]]', '[[ … ]]', 4],
    ['a[{}]=1', 'index of an array', 3],
    ['eval echo {}', 'after eval', 11],
    ['x=1 command eval "{}"', 'after eval', 19],
    ['alias q="echo \'"\nq {}', 'after an alias', 3],
    ['PS4={} sh -x y', 'in a variable', 5],
    ['export BASH_ENV="{}"', 'in a variable', 18],
    ['true >& {}', '>&', 9],
    ['printf -v {} x', 'after -v', 11],
    ['printf {} x', 'format of printf', 8],
    ['[ {} {} ]', 'could be an operator', 6],
    ['@({})', '"@("', 3],
    ['echo a\u00a0#{}', 'may or may not', 9],
  ])('is refused: %j', (line, reason, column) => {
    const compile = () => new Template([line], false, columns(1))
    expect(compile).toThrow(TemplateError)
    expect(compile).toThrow(reason)
    expect(compile).toThrow(new RegExp(`^"\\{\\}" at (line \\d+, )?column ${column} of the command `))
  })

  it('names the line of a placeholder where there are several', () => {
    expect(() => fill(['echo a\necho `{}`'], ['x'])).toThrow('"{}" at line 2, column 7 of the command')
  })

  it.each([
    ['', 'a command begins there'],
    ['echo a;', 'a command begins there'],
    ['echo a &', 'a command begins there'],
    ['echo a |', 'a command begins there'],
    ['echo a\n', 'a command begins there'],
    ['if true; then', 'a command begins there'],
    ['for i in a; do', 'a command begins there'],
    ['X=1', 'a command begins there'],
    ['>out', 'a command begins there'],
    ['{ echo a; }', 'a command ends there'],
    ['if true; then echo; fi', 'a command ends there'],
    ['(echo a', 'without its ")"'],
    ['echo a # b', 'comment'],
    ["echo '", 'not closed'],
    ['echo "', 'not closed'],
    ['echo \\', 'a word is not finished there'],
    ['cat <<E', 'here-document'],
    ['eval', 'after eval'],
    ['echo ${x:-{}}', 'tangled'],
  ])('takes no items at its end: %j', (line, reason) => {
    const compile = () => new Template([line], false, columns(1))
    expect(compile).toThrow(TemplateError)
    expect(compile).toThrow(reason)
    expect(compile).toThrow('write {} where they belong')
  })

  it.each([
    'echo then',
    'true && X=1 echo',
    'echo $(date)',
    'echo done',
    '(true); echo',
    'echo a#b',
    '2>err sort',
    'echo ${x}',
  ])('takes items at its end: %j', (line) => {
    expect(fill([line], ['a'])).toBe(`${line} 'a'`)
  })
})

describe('columns', () => {
  it.each([
    ['{2}', 1, 'only one column'],
    ['{-2.}', 1, 'only one column'],
    ['{4/}', 3, 'only 3 columns'],
  ])('cannot be referred to where they cannot exist: %s', (word, count, reason) => {
    expect(() => new Template(['a', word], false, columns(count))).toThrow(reason)
    expect(() => new Template([`echo ${word}`], false, columns(count))).toThrow(TemplateError)
  })

  it('say how many are needed', () => {
    expect(new Template(['a', '{3}', '{-5}'], false, columns(9)).columnsNeeded).toBe(5)
    expect(new Template(['a {}'], false, columns(9)).columnsNeeded).toBe(0)
  })
})
