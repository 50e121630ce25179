// Loaded into drover before it starts: its clock jumps back and forth by up to two days each time it is looked at.
const HOUR_MS = 3_600_000
const SystemDate = Date
let state = Number(process.env.FAULT_CLOCK_SEED ?? 1) | 0

function jumpMs() {
  state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
  return ((state >> 8) % 48) * HOUR_MS
}

globalThis.Date = class JumpingDate extends SystemDate {
  constructor(...given) {
    super(...(given.length === 0 ? [SystemDate.now() + jumpMs()] : given))
  }

  static now() {
    return SystemDate.now() + jumpMs()
  }
}
