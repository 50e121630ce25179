import { expect, expectTypeOf, it } from 'vitest'
import { forEach, type ItemOf, type ItemResult, type ValueOf } from '../../dist/index.js'
import type { Act, Done } from './programs/acting.mjs'
import { ACTING, type ActingModule } from './support.js'

it('items and values have the types of the module’s handle', async () => {
  expectTypeOf<ItemOf<ActingModule>>().toEqualTypeOf<Act>()
  expectTypeOf<ValueOf<ActingModule>>().toEqualTypeOf<Done>()

  const run = forEach<ActingModule>([{ act: 'answer', value: 1 }], ACTING, {
    concurrency: 1,
    onResult: (result) => expectTypeOf(result).toEqualTypeOf<ItemResult<Act, Done>>(),
  })
  for await (const result of run) {
    expectTypeOf(result).toEqualTypeOf<ItemResult<Act, Done>>()
    expectTypeOf(result.value).toEqualTypeOf<Done | undefined>()
    expectTypeOf(result.item).toEqualTypeOf<Act>()
    expect(result.value?.value).toBe(1)
  }
  // @ts-expect-error: these are no items of that module
  void forEach<ActingModule>(['text'], ACTING)
  // @ts-expect-error: there is no such option
  void (() => forEach<ActingModule>([], ACTING, { concurency: 2 }))
})

it('without the module’s type, items have their own, and values are unknown', () => {
  const run = forEach([1, 2], ACTING)
  expectTypeOf(run).toExtend<AsyncIterable<ItemResult<number, unknown>>>()
  const pulled = forEach(() => Promise.resolve<string | null>(null), ACTING)
  expectTypeOf(pulled).toExtend<AsyncIterable<ItemResult<string, unknown>>>()
  async function* generated() {
    yield { name: 'a' }
  }
  expectTypeOf(forEach(generated(), ACTING)).toExtend<AsyncIterable<ItemResult<{ name: string }, unknown>>>()
  expect(typeof run.summary).toBe('function')
})
