import type { MessageForm } from '../input/messages.js'
import { answerJson } from '../task/result-json.js'

const NEWLINE = Buffer.from('\n')
const NO_ANSWER = 0xffff_ffff

/** How answers are printed. */
export class AnswerForm {
  readonly #form: MessageForm
  readonly #isText: boolean

  /**
   * @param form - `lines`: an answer as it is, and a newline where it does not end with one; what is no text is JSON. `jsonl`: a
   * line of JSON. `length`: the length in four bytes, the highest first, and the answer.
   * @param isText - whether answers are always text, so that with `jsonl` one that is JSON already is that value.
   */
  constructor(form: MessageForm, isText: boolean) {
    this.#form = form
    this.#isText = isText
  }

  /** What is printed of an answer. */
  bytes(value: unknown): Buffer {
    if (this.#form === 'jsonl') return Buffer.from(`${this.#json(value)}\n`)
    const bytes = plainBytes(value)
    if (this.#form === 'length') return Buffer.concat([lengthBytes(bytes.length), bytes])
    return bytes.at(-1) === NEWLINE[0] ? bytes : Buffer.concat([bytes, NEWLINE])
  }

  /** What stands, among answers in the order of their messages, in the place of one that did not come. */
  get missing(): Buffer {
    if (this.#form === 'length') return lengthBytes(NO_ANSWER)
    return this.#form === 'jsonl' ? Buffer.from('null\n') : NEWLINE
  }

  #json(value: unknown): string {
    if (!this.#isText) return answerJson(value)
    const text = value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
    return jsonLine(text) ?? answerJson(value)
  }
}

function lengthBytes(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

function plainBytes(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (typeof value === 'string') return Buffer.from(value)
  return value === undefined ? Buffer.alloc(0) : Buffer.from(answerJson(value))
}

/** Text that is a JSON value, on one line; null when it is none. */
function jsonLine(text: string): string | null {
  try {
    const value = JSON.parse(text)
    return /[\r\n]/.test(text.trim()) ? JSON.stringify(value) : text.trim()
  } catch {
    return null
  }
}
