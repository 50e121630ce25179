/** @typedef {import('./types.d.ts').CaseReport} CaseReport */
/** @typedef {import('./types.d.ts').ContestantReport} ContestantReport */

/**
 * @typedef {object} BenchReport
 * @property {string} date
 * @property {boolean} quick
 * @property {string} launcher
 * @property {{ kernel: string, cpus: number, cpuModel: string, memoryGb: number, node: string, drover: string }} machine
 * @property {readonly number[]} load
 * @property {Readonly<Record<string, string>>} versions
 * @property {readonly string[]} missing
 * @property {readonly CaseReport[]} cases
 */

/** @param {number | null} value @param {number} digits */
function number(value, digits) {
  if (value === null) return '–'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** @param {boolean | null} met @param {boolean} quick */
function verdict(met, quick) {
  if (met === null) return 'not measured'
  if (quick) return 'not judged'
  return met ? 'yes' : '**no**'
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @param {number} [words] How many columns are words; the others are numbers.
 */
function table(head, rows, words = 1) {
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map((_, n) => (n < words ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

/** @param {CaseReport} report @param {boolean} quick */
function expectationRows(report, quick) {
  return report.expectations.map(({ what, wanted, digits, measured, met }) => [
    report.name,
    what,
    wanted,
    number(measured, digits),
    verdict(met, quick),
  ])
}

/** @param {CaseReport} report @param {ContestantReport} contestant */
function contestantRow({ metrics, compares }, { name, figures, ratio, missing }) {
  if (missing.length > 0) return [name, `left out: there is no ${missing.join(', ')}`]
  const cells = metrics.map(({ key, digits }) => {
    const spread = figures[key] ?? null
    if (spread === null) return '–'
    const range = `${number(spread.least, digits)} to ${number(spread.most, digits)}`
    return spread.least === spread.most ? number(spread.median, digits) : `${number(spread.median, digits)} (${range})`
  })
  return [name, ...cells, ...(compares ? [number(ratio, 2)] : [])]
}

/** @param {CaseReport} report */
function section(report) {
  const { metrics, compares, contestants } = report
  const head = ['', ...metrics.map(({ label }) => label), ...(compares ? ['drover ÷ this'] : [])]
  const rows = contestants.map((contestant) => contestantRow(report, contestant))
  const padded = rows.map((row) => [...row, ...head.slice(row.length).map(() => '')])
  const rounds = Math.max(0, ...contestants.map((contestant) => contestant.rounds.length))
  const errors = contestants.flatMap(({ name, errors }) =>
    [...new Set(errors)].map((error) => `- ${name} failed: ${error.split('\n').join(' · ')}`),
  )
  return [
    `## ${report.name}: ${report.title}`,
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${report.date}, launcher: ${report.launcher}`,
    table(head, padded),
    ...(errors.length > 0 ? [errors.join('\n')] : []),
  ].join('\n\n')
}

/**
 * The whole as Markdown.
 *
 * @param {BenchReport} report
 */
export function renderReport({ date, quick, launcher, machine, load, versions, missing, cases }) {
  const facts = [
    ['date', date],
    ['kernel', machine.kernel],
    ['CPUs', `${machine.cpus} (${machine.cpuModel}), ${machine.memoryGb} GB of memory`],
    ['load before', load.map((value) => value.toFixed(2)).join(', ')],
    ['Node', machine.node],
    ['drover', `${machine.drover}, launcher: ${launcher}`],
    ...Object.entries(versions),
    ...(missing.length > 0 ? [['not there, left out', missing.join(', ')]] : []),
  ]
  const note = quick
    ? 'Tiny counts: this shows that the benchmarks work. The figures mean nothing.'
    : 'Medians over the rounds, in brackets the least and the most. Ratios are taken within a round.'
  return `${[
    '# Benchmark results',
    note,
    table(['', ''], facts, 2),
    '## Expected and measured',
    table(
      ['case', 'what', 'expected', 'measured', 'met'],
      cases.flatMap((report) => expectationRows(report, quick)),
      3,
    ),
    ...cases.map(section),
  ].join('\n\n')}\n`
}
