/** @typedef {import('./types.d.ts').Row} Row */

/** @type {readonly (keyof import('./types.d.ts').Faulty)[]} */
export const COUNTS = ['lost', 'doubled', 'leaked', 'hangs', 'wrongEnds']
const HEADS = ['fault', 'times tried', 'results lost', 'results doubled', 'processes leaked', 'hangs', 'wrong ends']

/** @param {Row} row */
export function isClean(row) {
  return COUNTS.every((name) => row[name] === 0)
}

/** @param {Row} row @returns {string[]} */
function cellsOf({ title, tried, notTried, ...row }) {
  if (notTried !== null) return [title, `not tried: ${notTried}`, '', '', '', '', '']
  return [title, ...[tried, ...COUNTS.map((name) => row[name])].map((count) => count.toLocaleString('en'))]
}

/** @param {readonly Row[]} rows */
function sumOf(rows) {
  const sum = (/** @type {'tried' | typeof COUNTS[number]} */ name) =>
    rows.reduce((total, row) => total + row[name], 0).toLocaleString('en')
  return ['in all', sum('tried'), ...COUNTS.map(sum)]
}

/** @param {readonly Row[]} rows @returns {string} Markdown, which can be read as it is. */
export function tableOf(rows) {
  const lines = [HEADS, ...rows.map(cellsOf), sumOf(rows)]
  const widths = HEADS.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  const isText = (/** @type {number} */ column) => column === 0
  const text = ([...cells]) =>
    `| ${cells.map((cell, n) => (isText(n) ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join(' | ')} |`
  const rule = `| ${widths.map((width, n) => (isText(n) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [text(lines[0] ?? []), rule, ...lines.slice(1).map(text)].join('\n')
}
