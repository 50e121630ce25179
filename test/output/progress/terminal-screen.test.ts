import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TerminalScreen } from '../../../src/output/terminal/terminal-screen.js'
import { MemoryWriter } from '../support.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const SEQUENCES = {
  cursorUp: (lines: number) => `<up ${lines}>`,
  eraseDown: '<down>',
  eraseEndLine: '<end>',
  beginSynchronizedOutput: '<',
  endSynchronizedOutput: '>',
}

function screenOn(writer: MemoryWriter & { queuedBytes?: number }, columns = 80) {
  const screen = new TerminalScreen(writer, { columns: () => columns })
  let seen = 0
  return {
    screen,
    draw: (...lines: string[]) => screen.draw(lines, SEQUENCES),
    /** What was written since the last time. */
    written: () => {
      const text = writer.text.slice(seen)
      seen = writer.text.length
      return text.replace(/\x1b\[(0m|\?7[lh])/g, '').replaceAll('\r\n', '/')
    },
  }
}

test('without a block all is written at once, as it is', () => {
  const { screen, written } = screenOn(new MemoryWriter())
  void screen.write('a\n')
  void screen.write(Buffer.from('b'))
  expect(written()).toBe('a\nb')
})

test('the cursor waits where the block begins, so that to erase from there takes it away', () => {
  const { screen, draw, written } = screenOn(new MemoryWriter())
  draw('one', 'two')
  expect(written()).toBe('<\rone<end>/two<end><down><up 1>\r>')
  draw('one', 'two')
  expect(written()).toBe('')
  draw('one')
  expect(written()).toBe('<\r<down>\rone<end><down>\r>')
  void screen.clear()
  expect(written()).toBe('<\r<down>>')
})

test('output that comes while there is a block is gathered, and written with it in one', () => {
  const writer = new MemoryWriter()
  const { screen, draw, written } = screenOn(writer)
  draw('block')
  written()
  const writes = writer.chunks.length
  void screen.write('a\n')
  void screen.write('b\n')
  expect(written()).toBe('')
  vi.advanceTimersByTime(50)
  expect(writer.chunks).toHaveLength(writes + 1)
  expect(written()).toBe('<\r<down>a\nb\n\rblock<end><down>\r>')
})

test('much output does not wait', () => {
  const { screen, draw, written } = screenOn(new MemoryWriter())
  draw('block')
  written()
  const much = `${'x'.repeat(64 * 1024)}\n`
  void screen.write(much)
  expect(written()).toBe(`<\r<down>${much}\rblock<end><down>\r>`)
})

test('the block is drawn below a line that is not ended, and that line goes on where it was', () => {
  const { screen, draw, written } = screenOn(new MemoryWriter())
  void screen.write('a\nbegun')
  draw('block')
  expect(written()).toBe('a\nbegun</block<end><down><up 1>\r>')
  void screen.write(' and ended\n')
  vi.advanceTimersByTime(50)
  expect(written()).toBe('<\r<down>begun and ended\n\rblock<end><down>\r>')
})

test('a line that takes more room than is known, or more than there is, is left alone until it ends', () => {
  for (const line of ['\x1b[10C', 'x'.repeat(80), '日'.repeat(40), 'x'.repeat(10_000)]) {
    const { screen, draw, written } = screenOn(new MemoryWriter())
    draw('block')
    void screen.write(line)
    vi.advanceTimersByTime(50)
    expect(written().endsWith(`${Buffer.from(line).toString('latin1')}>`)).toBe(true)
    draw('block 2')
    expect(written()).toBe('<>')
    void screen.write('\n')
    draw('block 3')
    expect(written()).toBe('\n<\rblock 3<end><down>\r>')
  }
})

test('colors of a line that is not ended take no room', () => {
  const { screen, draw, written } = screenOn(new MemoryWriter(), 10)
  void screen.write('\x1b[1;32mgreen\x1b[39m')
  draw('block')
  expect(written()).toContain('/block<end>')
})

test('a terminal that is held up gets output and no block', () => {
  const writer = Object.assign(new MemoryWriter(), { queuedBytes: 1 })
  const { screen, draw, written } = screenOn(writer)
  draw('block')
  expect(written()).toBe('')
  writer.queuedBytes = 0
  draw('block')
  written()
  writer.queuedBytes = 1
  void screen.write('a\n')
  vi.advanceTimersByTime(50)
  expect(written()).toBe('<\r<down>a\n>')
})

test('what is gathered is written when it is flushed, and when the block goes', async () => {
  const { screen, draw, written } = screenOn(new MemoryWriter())
  draw('block')
  written()
  void screen.write('a\n')
  await screen.flush()
  expect(written()).toContain('a\n\rblock')
  void screen.write('b')
  void screen.clear()
  expect(written()).toBe('<\r<down>b>')
})

test('a line of its own ends one that was begun, whether that is gathered yet or not', () => {
  const { screen, draw, written } = screenOn(new MemoryWriter())
  void screen.writeLine('first')
  void screen.write('begun')
  void screen.writeLine('second')
  expect(written()).toBe('first\nbegun\nsecond\n')
  draw('block')
  written()
  void screen.write('begun')
  void screen.writeLine('third')
  void screen.writeLine('fourth')
  vi.advanceTimersByTime(50)
  expect(written()).toBe('<\r<down>begun\nthird\nfourth\n\rblock<end><down>\r>')
})
