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
})
