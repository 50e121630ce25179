import { expect, it } from 'vitest'
import { GatheredBytes } from '../../src/pool/wire/gathered-bytes.js'

it('gives what came, in order, however it was cut', () => {
  const gathered = new GatheredBytes()
  for (const count of [0, 1, 2, 4095, 4096, 4097, 20_000]) {
    const all = Buffer.from(Array.from({ length: count }, (_, n) => n % 251))
    for (let at = 0; at < count; at++) gathered.append(all.subarray(at, at + 1))
    expect(gathered.length).toBe(count)
    expect(gathered.take().equals(all)).toBe(true)
    expect(gathered.length).toBe(0)
  }
})

it('keeps no chunk for a byte of it', () => {
  const gathered = new GatheredBytes()
  const before = process.memoryUsage().arrayBuffers
  for (let n = 0; n < 20_000; n++) gathered.append(Buffer.alloc(20_000, 1).subarray(0, 1))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(250e6)
  expect(gathered.take().equals(Buffer.alloc(20_000, 1))).toBe(true)
})
