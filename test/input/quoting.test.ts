import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byteString, type Item, toItem } from '../../src/input/bytes.js'
import { Template } from '../../src/input/template.js'
import { TemplateError } from '../../src/task/errors.js'
import { HOSTILE, shellLines } from './support/shell-soup.js'
import { linesThatMadeMarkers, runScript, SHELLS } from './support/shells.js'

const ONE = { replace: '{}', names: new Map<string, number>(), count: 1 }
const NAMED = SHELLS.map((shell) => ({ name: shell.join(' '), shell }))
const RUNS = Number(process.env.DROVER_FUZZ_RUNS ?? 700)
const SEED = Number(process.env.DROVER_FUZZ_SEED ?? 20_260_801)

function fill(line: string, items: readonly Item[]): Item {
  return new Template([line], true, { ...ONE, count: items.length }).fill(items, 1, 1).command
}

const harmful = fc.constantFrom(...HOSTILE)
const letters = fc.constantFrom(...'\'"$`\\;&|<>(){}!#*?[]~ \n\t-=%^aE1/.é€😀\u0081\u0088\x01\x7f')
const text = fc.array(letters, { maxLength: 12 }).map((list) => list.join(''))
const bytes = fc.uint8Array({ min: 1, maxLength: 12 }).map((list) => toItem(Buffer.from(list)))
const item: fc.Arbitrary<Item> = fc.oneof({ weight: 4, arbitrary: text }, harmful, { weight: 2, arbitrary: bytes })

/** A part of a word, and what the shell makes of it when `{}` is the item. */
interface Part {
  readonly template: string
  readonly value: (item: string) => string
}

const plain = (template: string, value = template): Part => ({ template, value: () => value })
const parts = fc.constantFrom<Part>(
  { template: '{}', value: (it) => it },
  { template: '"{}"', value: (it) => it },
  { template: "'{}'", value: (it) => it },
  { template: '"a {} b"', value: (it) => `a ${it} b` },
  { template: "'a \" {} \\ b'", value: (it) => `a " ${it} \\ b` },
  { template: '"\'{}\'"', value: (it) => `'${it}'` },
  { template: '"\\"{}\\""', value: (it) => `"${it}"` },
  { template: '"$X{}$X"', value: (it) => `vX${it}vX` },
  { template: '"`:`{}"', value: (it) => it },
  { template: '"${X}{}${N:-n}"', value: (it) => `vX${it}n` },
  { template: '"$((1 + 2)){}"', value: (it) => `3${it}` },
  { template: '"$(printf %s "$X" \'y\'){}"', value: (it) => `vXy${it}` },
  { template: '{}{}', value: (it) => it + it },
  plain('a'),
  plain('#'),
  plain('\\"', '"'),
  plain("\\'", "'"),
  plain('\\\\', '\\'),
  plain('\\$a', '$a'),
  plain('"$X"', 'vX'),
  plain('"\\`"', '`'),
  plain("'\\'", '\\'),
  plain('""', ''),
  plain("''", ''),
)
const word = fc.array(parts, { minLength: 1, maxLength: 5 }).filter((list) => list[0]!.template !== '#')
const line = fc.array(word, { minLength: 1, maxLength: 4 })

describe('what is filled into a shell line', () => {
  it.each(NAMED)('arrives as the bytes it was: $name', ({ shell }) => {
    const cases = fc.array(fc.tuple(line, item), { minLength: 40, maxLength: 40 })
    const property = fc.property(cases, (list) => {
      const script: Buffer[] = [Buffer.from('X=vX\n')]
      const expected: string[] = []
      for (const [words, it] of list) {
        const template = `printf '%s\\0' ${words.map((list) => list.map((part) => part.template).join('')).join(' ')}`
        const given = template.includes('{}') ? template : `${template} {}`
        script.push(Buffer.from(byteString(fill(given, [it])), 'latin1'), Buffer.from('\n'))
        for (const word of words) expected.push(word.map((part) => part.value(byteString(it))).join(''))
        if (given !== template) expected.push(byteString(it))
      }
      const arrived = runScript(shell, Buffer.concat(script)).toString('latin1').split('\0')
      const wanted = expected.map((value) => (value === '' ? '' : value))
      expect(arrived).toEqual([...wanted, ''])
    })
    fc.assert(property, { numRuns: 15, seed: SEED })
  })

  it.each(NAMED)('is never run, whatever the line is: $name', { timeout: 400_000 }, ({ shell }) => {
    const lines: Buffer[] = []
    const origins: string[] = []
    let refused = 0
    for (const [template, first, second] of fc.sample(
      fc.tuple(shellLines, harmful, fc.oneof(fc.constant(''), harmful)),
      { numRuns: RUNS * 2, seed: SEED },
    )) {
      try {
        for (const items of [[first], [first + second, second]]) {
          const hostile = items.map((it) => it.replaceAll('MARK', `: >marker-${lines.length}`))
          lines.push(Buffer.from(byteString(fill(template, hostile)), 'latin1'))
          origins.push(template)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(TemplateError)
        refused += 1
      }
    }
    expect(lines.length).toBeGreaterThan(RUNS / 10)
    expect(refused).toBeGreaterThan(RUNS / 10)
    expect(linesThatMadeMarkers(shell, lines).map((number) => [origins[number], lines[number]?.toString()])).toEqual([])
  })

  it.each(NAMED)('would be noticed if it were run: $name', ({ shell }) => {
    const lines = [':', ': >marker-1', ': "$(: >marker-2)"', "x='\n'; : >marker-3", "'; : >marker-4"]
    const found = linesThatMadeMarkers(
      shell,
      lines.map((text) => Buffer.from(text)),
    )
    expect(found.sort()).toEqual([1, 2, 3])
  })

  it.each(NAMED)('is never run in lines that people write: $name', ({ shell }) => {
    const templates = [
      'printf %s {} "{}" \'{}\' x{}y "a{}b"',
      'if [ -f {} ]; then : {}; else : "{}"; fi',
      'case {} in *.png) : {} ;; "{}") : ;; esac',
      'for f in {} "{}"; do : "$f" {}; done',
      'x={} y="{}" z=\'{}\'; : "$x" $y "$z"',
      ': $(printf %s {}) $(case a in a) : {} ;; esac)',
      ': > {}.out; : < {}.out; : >> "{}.out"',
      'f() { : "$1" {}; }; f {}',
      ': "${x:-"a b"}" ${y#z} "$(printf %s "a" | : )" {}',
      ': \\\n  {} && : || : ; ( : {} ) | { : {}; } &',
      'while read -r l; do : {}; done < {}',
      ': <<E {}',
      ": $'a\\n' {} # it's a comment",
      'test -n {} && test {} = "{}" && [ ! {} = a ]',
      'printf \'{}\\n\'; printf {}; printf "{}"',
    ]
    const lines = templates.flatMap((template) => HOSTILE.map((hostile) => ({ template, hostile })))
    const filled = lines.map(({ template, hostile }, number) => {
      return Buffer.from(byteString(fill(template, [hostile.replaceAll('MARK', `: >marker-${number}`)])), 'latin1')
    })
    expect(linesThatMadeMarkers(shell, filled).map((number) => filled[number]!.toString())).toEqual([])
  })

  it('is never run where several items become words', () => {
    const template = 'x={} : > {} {} y={}; [ {} ]; printf {}; : {}'
    for (const [first, ...hostile] of HOSTILE.map((_, place) => [
      ...HOSTILE.slice(place),
      ...HOSTILE.slice(0, place),
    ])) {
      for (const shell of SHELLS) {
        const items = [`: >marker-0 ${first}`, 'true', ...hostile.slice(0, 4)].map((it) =>
          it.replaceAll('MARK', ': >marker-0'),
        )
        expect(linesThatMadeMarkers(shell, [Buffer.from(byteString(fill(template, items)), 'latin1')])).toEqual([])
      }
    }
  })
})

describe('the quoting', () => {
  it.each([
    ['echo {}', "echo 'it'\\''s'"],
    ['echo "a {}"', `echo "a "'it'\\''s'""`],
    ["echo 'a {}'", "echo 'a it'\\''s'"],
    ['echo $(echo {} "{}")', `echo $(echo 'it'\\''s' ""'it'\\''s'"")`],
    ['echo', "echo 'it'\\''s'"],
  ])('is made for the place: %s', (template, line) => {
    expect(fill(template, ["it's"])).toBe(line)
  })

  it('gives an empty item as an empty word', () => {
    expect(fill('echo {}', [''])).toBe("echo ''")
  })

  it('keeps bytes that are not UTF-8, and gives text where all is text', () => {
    expect(fill('echo é{}', [Buffer.from([0xff, 0x27])])).toEqual(
      Buffer.concat([Buffer.from("echo é'"), Buffer.from([0xff]), Buffer.from("'\\'''")]),
    )
    expect(fill('echo é{}', ['ü'])).toBe("echo é'ü'")
    expect(new Template([Buffer.from('echo \xe9 {}', 'latin1')], false, ONE).fill(['ü'], 1, 1).command).toEqual(
      Buffer.concat([Buffer.from('echo \xe9 ', 'latin1'), Buffer.from("'ü'")]),
    )
  })
})
