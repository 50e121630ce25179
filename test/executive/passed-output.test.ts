import { describe, expect, it } from 'vitest'
import { PassedOutput } from '../../src/executive/passed-output.js'

function passed() {
  const written: string[] = []
  const output = new PassedOutput((stream, bytes) => written.push(`${stream === 'stdout' ? 'o' : 'e'}:${bytes}`))
  const print = (pid: number, text: string, stream: 'stdout' | 'stderr' = 'stdout') =>
    output.print(pid, stream, Buffer.from(text))
  return { output, written, print }
}

describe('what is passed on', () => {
  it('is whole lines, so that those of several processes are not mixed', () => {
    const { written, print } = passed()
    print(1, 'one ')
    print(2, 'two\nand ')
    print(1, 'errs', 'stderr')
    print(1, 'line\n\n')
    print(2, 'more\n')
    print(1, '\n', 'stderr')
    expect(written).toEqual(['o:two\n', 'o:one line\n\n', 'o:and more\n', 'e:errs\n'])
  })

  it('a line that is not ended is, when its process or item has', () => {
    const { output, written, print } = passed()
    print(1, 'no end')
    print(1, 'here neither', 'stderr')
    print(2, 'goes ')
    output.endLines(1)
    output.endLines(1)
    print(2, 'on\n')
    expect(written).toEqual(['o:no end\n', 'e:here neither\n', 'o:goes on\n'])
  })

  it('a very long line comes in pieces, which together are all of it', () => {
    const { output, written, print } = passed()
    for (let n = 0; n < 300; n++) print(1, 'x'.repeat(1_000))
    output.endLines(1)
    expect(Math.max(...written.map((each) => each.length))).toBeLessThan(70_000)
    expect(written.map((each) => each.slice(2)).join('')).toBe(`${'x'.repeat(300_000)}\n`)
  })
})
