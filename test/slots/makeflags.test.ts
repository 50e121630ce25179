import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { environmentFor, environmentWithout, jobserverOf } from '../../src/slots/jobserver/makeflags.js'

describe('the jobserver that variables name', () => {
  it.each<[string, object | null, number | null]>([
    [' -j4 --jobserver-auth=3,4', { read: 3, write: 4 }, 4],
    ['k -j --jobserver-fds=5,6', { read: 5, write: 6 }, null],
    ['ks --jobs=7 --jobserver-auth=fifo:/tmp/a-b', { fifo: '/tmp/a-b' }, 7],
    ['--jobserver-auth=3,4 --jobserver-auth=fifo:/x', { fifo: '/x' }, null],
    [' -j2 --jobserver-auth=-2,-2', null, 2],
    [' -j2 --jobserver-auth=', null, 2],
    [' -j2 --jobserver-auth=fifo:', null, 2],
    [' -j3 --jobserver-auth=3,4 -- A=--jobserver-auth=9,9 B=-j9', { read: 3, write: 4 }, 3],
  ])('%j', (value, place, jobs) => {
    expect(jobserverOf({ MAKEFLAGS: value })).toEqual({ place, jobs })
  })

  it.each(['', 'k', ' -j4', '-k -- X=--jobserver-auth=3,4', 'X=--jobserver-auth=3,4'])('none: %j', (value) => {
    expect(jobserverOf({ MAKEFLAGS: value })).toBeNull()
  })

  it("prefers cargo's", () => {
    const env = { MAKEFLAGS: '--jobserver-auth=3,4', CARGO_MAKEFLAGS: '-j --jobserver-auth=8,9' }
    expect(jobserverOf(env)).toEqual({ place: { read: 8, write: 9 }, jobs: null })
    expect(jobserverOf({ ...env, CARGO_MAKEFLAGS: '-j' })).toMatchObject({ place: { read: 3, write: 4 } })
  })
})

describe('variables for a jobserver', () => {
  const PLACE = { read: 3, write: 4 }

  it.each<[string | undefined, string]>([
    [undefined, ' -j4 --jobserver-auth=3,4'],
    ['', ' -j4 --jobserver-auth=3,4'],
    ['k', 'k -j4 --jobserver-auth=3,4'],
    ['-k', ' -j4 --jobserver-auth=3,4 -k'],
    ['ks -j8 --jobserver-auth=7,8 -- A=1', 'ks -j4 --jobserver-auth=3,4 -- A=1'],
    [' -j --jobserver-fds=7,8 --no-print-directory', ' -j4 --jobserver-auth=3,4 --no-print-directory'],
  ])('%j becomes %j', (before, after) => {
    expect(environmentFor({ MAKEFLAGS: before }, PLACE, 4)).toEqual({
      MAKEFLAGS: after,
      CARGO_MAKEFLAGS: '-j4 --jobserver-auth=3,4',
    })
  })

  it('are read as what they were written from, whatever was there before', () => {
    const word = fc.constantFrom(
      'k',
      's',
      '-k',
      '-j9',
      '--jobserver-auth=5,6',
      '--jobserver-fds=1,2',
      '--',
      'A=-j9',
      '',
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), fc.nat({ max: 99 }), (words, jobs) => {
        const env = environmentFor({ MAKEFLAGS: words.join(' ') }, { fifo: '/run/x' }, jobs + 1)
        for (const variable of ['MAKEFLAGS', 'CARGO_MAKEFLAGS']) {
          expect(jobserverOf({ MAKEFLAGS: env[variable] })).toEqual({ place: { fifo: '/run/x' }, jobs: jobs + 1 })
        }
      }),
    )
  })
})

describe('variables without one', () => {
  it('loses only what is about it', () => {
    const env = { MAKEFLAGS: 'k -j4 --jobserver-auth=3,4 -w -- A=1', CARGO_MAKEFLAGS: '-j4 --jobserver-auth=3,4' }
    expect(environmentWithout(env)).toEqual({ MAKEFLAGS: 'k -w -- A=1', CARGO_MAKEFLAGS: null })
  })

  it('stay as they are where there is none', () => {
    expect(environmentWithout({ MAKEFLAGS: 'k -j4' })).toBeNull()
    expect(environmentWithout({})).toBeNull()
  })
})
