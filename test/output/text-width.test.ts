import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutText, padText, textWidth } from '../../src/output/text-width.js'

test('the width is what a terminal takes', () => {
  expect(textWidth('plain')).toBe(5)
  expect(textWidth('日本')).toBe(4)
  expect(textWidth('é…')).toBe(2)
  expect(textWidth('🐕')).toBe(2)
})

test('a text is padded to so many columns', () => {
  expect(padText('日', 4)).toBe('日  ')
  expect(padText('longer', 4)).toBe('longer')
})

test('a text that is too wide is cut, and says so', () => {
  expect(cutText('abcdef', 6)).toBe('abcdef')
  expect(cutText('abcdef', 5)).toBe('abcd…')
  expect(cutText('日本語', 5)).toBe('日本…')
  expect(cutText('日本語', 4)).toBe('日…')
  expect(cutText('ab', 1)).toBe('…')
  expect(cutText('ab', 0)).toBe('')
})

test('whatever the text, what is left fits and is its beginning', () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom('a', '日', '🐕', 'é'), fc.string({ unit: 'binary' })) })
  fc.assert(
    fc.property(text, fc.nat(20), (whole, columns) => {
      const cut = cutText(whole, columns)
      expect(textWidth(cut)).toBeLessThanOrEqual(columns)
      if (textWidth(whole) <= columns) expect(cut).toBe(whole)
      else expect(whole.startsWith(cut.replace(/…$/, ''))).toBe(true)
    }),
  )
})
