// What vitest's JSON reports say: `files REPORT` prints the test files in which something failed; `summary REPORT…` prints
// every failure, and then how many tests passed and failed. The report of a second run of what had failed is beside the
// first one, as NAME-again.json.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const [what, ...files] = process.argv.slice(2)

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** A file that could not be loaded has failed as well, though no test of it was counted. */
function failuresOf(report) {
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name)
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [{ file, test: '', message }] : []
    return failed.map((test) => ({ file, test: test.fullName, message: test.failureMessages.join('\n') }))
  })
}

function show(title, failures) {
  for (const { file, test, message } of failures) {
    console.log(`${title}: ${file}: ${test}\n  ${message.split('\n').slice(0, 4).join('\n  ')}`)
  }
}

function summarize(first) {
  const report = read(first)
  const failures = failuresOf(report)
  const skipped = report.numPendingTests + report.numTodoTests
  const again = first.replace(/\.json$/, '-again.json')
  const left = existsSync(again) ? failuresOf(read(again)) : failures
  if (left !== failures) show('failed at first', failures)
  show('failed', left)
  const tests = (list) => list.filter(({ test }) => test !== '').length
  return { passed: report.numPassedTests + tests(failures) - tests(left), failed: left.length, skipped }
}

if (what === 'files') {
  console.log([...new Set(failuresOf(read(files[0])).map(({ file }) => file))].join(' '))
} else {
  const sums = files.map(summarize)
  const sum = (field) => sums.reduce((total, each) => total + each[field], 0)
  const skipped = sum('skipped')
  console.log(`${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
}
