import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../helpers/until.js'
import { buildParent } from './native-processes.js'

describe('native launcher: a descriptor that Node was started with', () => {
  let parents: Awaited<ReturnType<typeof buildParent>>

  beforeAll(async () => {
    parents = await buildParent()
  })
  afterAll(() => parents.remove())

  it('reaches the children that ask for it, and no other', async () => {
    const parent = parents.runBy('exec 3>&1; "$@" 5>&1 >&3 3>&- | tr a-z A-Z >&3', 'handOn')
    await until('it has ended', () => parent.ended)
    const lines = parent.output.trim().split('\n').sort()
    // stdout, stderr, and the pipe to grep in place of one of them.
    expect(lines).toEqual(['FIRST', 'SECOND', 'ended with 0', 'ended with 0', 'pipes of another: 2'])
  })

  it('holds more when it is a pipe as standard input, and that was asked for', async () => {
    const parent = parents.runBy('yes 2> /dev/null | "$@"', 'widen')
    await until('it has ended', () => parent.ended)
    expect(parent).toMatchObject({ exitCode: 0, output: 'more than usual\n' })
  })

  it('is left as it is when it is none', async () => {
    const parent = parents.runBy('"$@" < /dev/zero', 'widen')
    await until('it has ended', () => parent.ended)
    // The launcher goes on, and so does all that is read.
    expect(parent).toMatchObject({ exitCode: 0, output: 'more than usual\n' })
  })
})
