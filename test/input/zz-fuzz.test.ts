import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Template } from '../../src/input/template.js'
import { HOSTILE, shellLines } from './support/shell-soup.js'
import { linesThatMadeMarkers, SHELLS } from './support/shells.js'
const columns = { replace: '{}', names: new Map(), count: 1 }
it('fuzz', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9), n = Number(process.env.N ?? 3000)
  const lines = fc.sample(shellLines, { numRuns: n, seed })
  const cases: { t: string; item: string; line: Buffer }[] = []
  let ok = 0
  const random = (k: number) => Math.floor(Math.random() * k)
  for (const t of new Set(lines)) {
    let template
    try { template = new Template([t], false, columns) } catch (e) { if ((e as any).code !== 'ERR_DROVER_TEMPLATE') throw e; continue }
    ok++
    for (let i = 0; i < 4; i++) {
      const h = HOSTILE[random(HOSTILE.length)]!
      const two = random(4) === 0 ? HOSTILE[random(HOSTILE.length)]! : ''
      const item = (h + two).replaceAll('MARK', `: >marker-${cases.length}`)
      const r = template.fill([item], 1, 1)
      cases.push({ t, item, line: Buffer.from(r.command as any) })
    }
  }
  console.log('seed', seed, 'accepted', ok, 'of', lines.length)
  for (const shell of SHELLS) for (const i of linesThatMadeMarkers(shell, cases.map((c) => c.line))) console.log('HOLE', shell.join(' '), JSON.stringify(cases[i]!.t), JSON.stringify(cases[i]!.item), '\n', cases[i]!.line.toString())
}, 600000)
