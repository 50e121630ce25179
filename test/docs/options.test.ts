import { beforeAll, describe, expect, it } from 'vitest'
import { type CommandOptions, callsIn, commandOptions, problemOf } from './cli-words.js'
import { blocksOf, PAGES, textOf } from './pages.js'

/** What pages name that is an option of something else: programs that drover is compared with, or scripts of this repository. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  'docs/daemon.md': ['--fresh'],
  'docs/hosts.md': ['--sshlogin', '--controlmaster'],
  'docs/switching.md': [
    ...['--joblog', '--resume-failed', '--bar', '--eta', '--trc', '--tmux', '--sql', '--shuf', '--limit'],
    ...['--kill-others', '--restart-tries', '--raw', '--group', '--success'],
  ],
  'bench/README.md': ['--case'],
  'faults/README.md': ['--deadline', '--program'],
}

let all: Map<string, CommandOptions>
let known: Set<string>
beforeAll(async () => {
  all = await commandOptions()
  known = new Set([...all.values()].flatMap(({ options }) => [...options.keys()]))
})

const spansOf = (page: string) =>
  [
    ...textOf(page)
      .replaceAll(/^```.*?^```$/gms, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map((match) => match[1]!)

describe.each(PAGES)('%s', (page) => {
  it('calls drover only with commands and options that there are', () => {
    const shell = blocksOf(page).filter(({ language }) => language === 'sh')
    // A span of code may be a name, or the title of a test.
    const isCall = ([first]: string[]) => first !== undefined && (first.startsWith('-') || all.has(first))
    const calls = [...shell.flatMap(({ code }) => callsIn(code)), ...spansOf(page).flatMap(callsIn).filter(isCall)]
    const problems = calls.map((call) => problemOf(call, all)).filter((problem) => problem !== null)
    expect(problems).toEqual([])
  })

  it('names only options that there are', () => {
    const named = spansOf(page).flatMap((span) => /^(--[a-z][\w-]*)/.exec(span)?.[1] ?? [])
    expect([...new Set(named)].filter((name) => !known.has(name) && !OTHERS[page]?.includes(name))).toEqual([])
  })
})

it('sees what is wrong', () => {
  const problems = [
    'drover run --jbos 3 true',
    'drover rum x',
    'seq 3 | drover pool --jsonl -j2 x --foo',
    'drover results --csv --x j',
  ]
  expect(problems.flatMap(callsIn).map((call) => problemOf(call, all))).toEqual([
    'drover run has no option --jbos',
    'there is no command rum',
    null,
    'drover results has no option --x',
  ])
})
