import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { launcherBuilds } from '../../src/launcher/native/builds.js'
import { checkHosts, parseHostLines, parseHosts } from '../../src/launcher/ssh/host-list.js'
import { readAnswer, startScript, storeScript } from '../../src/launcher/ssh/remote-script.js'

describe('hosts', () => {
  it.each([
    ['one', [{ name: 'one', slots: null }]],
    ['one:3', [{ name: 'one', slots: 3 }]],
    [
      'a,b@c:4',
      [
        { name: 'a', slots: null },
        { name: 'b@c', slots: 4 },
      ],
    ],
    ['[::1]', [{ name: '::1', slots: null }]],
    ['me@[2001:db8::7]:12', [{ name: 'me@2001:db8::7', slots: 12 }]],
    [':', [{ name: ':', slots: null }]],
    [
      '::2,a',
      [
        { name: ':', slots: 2 },
        { name: 'a', slots: null },
      ],
    ],
    ['::1', [{ name: ':', slots: 1 }]],
    ['x y', [{ name: 'x y', slots: null }]],
  ])('%s', (list, expected) => expect(parseHosts(list)).toEqual(expected))

  it.each(['', 'a,', 'a:0', 'a:b', 'a:1:2', '::1:2', '-x', '-x@a', 'a@-x', 'a\nb', 'a\0', 'ssh://a', 'a:999999999'])(
    'not %j',
    (list) => expect(() => parseHosts(list)).toThrow(/host/),
  )

  it('are what they were written as, one a line', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/)
    const host = fc.record({ name, slots: fc.option(fc.integer({ min: 1, max: 100_000 })) })
    fc.assert(
      fc.property(fc.array(host), fc.constantFrom('', ' # why', '\n\n# more', '\r'), (hosts, after) => {
        const words = hosts.map(({ name: each, slots }) => (slots === null ? each : `${each}:${slots}`))
        expect(parseHostLines(words.map((word) => `${word}${after}\n`).join(''), 'list')).toEqual(hosts)
        if (words.length > 0) expect(parseHosts(words.join(','))).toEqual(hosts)
      }),
    )
  })

  it('are there, and once each', () => {
    expect(() => checkHosts([])).toThrow('none')
    expect(() => checkHosts(parseHosts('a:1,b,a:2'))).toThrow('twice')
  })
})

describe('what is run on a host', () => {
  const builds = launcherBuilds()
  const scripts = [startScript('drover-mark', builds), storeScript('drover-mark', builds[0]!)]

  it('is one word for every shell', () => {
    for (const script of scripts) {
      const [, inner] = /^exec sh -c '(.*)'$/s.exec(script)!
      expect(inner).not.toMatch(/['\\!\n]/)
    }
  })

  it.each(
    ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/bin/csh', '/bin/ksh'].filter(existsSync),
  )('says what there is when %s is the login shell', (shell) => {
    // Some shells write there when they start.
    const home = mkdtempSync(join(tmpdir(), 'drover-home-'))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    const env = { PATH: process.env.PATH, HOME: home }
    const printed = execFileSync(shell, ['-c', `echo welcome; ${scripts[0]}`], { env })
    expect(readAnswer(printed, 'drover-mark')).toMatchObject({ state: 'missing', rest: Buffer.alloc(0) })
  })

  it('is understood wherever its answer is cut, and whatever a profile prints before it', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.nat(), (before, after, cut) => {
        const answer = Buffer.concat([before, Buffer.from('\nmark ready 4 Linux x86_64\n'), after])
        const part = readAnswer(answer.subarray(0, cut % (answer.length + 1)), 'mark')
        if (part !== null) expect(part.state).toBe('ready')
        const whole = readAnswer(answer, 'mark')!
        expect(whole).toMatchObject({ state: 'ready', cpus: 4, system: 'Linux x86_64' })
        expect(whole.rest.equals(after)).toBe(true)
      }),
    )
  })
})
