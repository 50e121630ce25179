// Makes the page of reports: one file of HTML with its styles and its code, into which the data are put.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/** In this order, in which a later rule wins over one before it. */
const STYLES = ['colors', 'elements', 'head', 'controls', 'timeline', 'charts', 'tables', 'edges']

/**
 * @param {string} root - of the package.
 * @param {string} file - where it goes.
 */
export async function buildReportPage(root, file) {
  const source = join(root, 'src/report/page')
  const library = createRequire(import.meta.url).resolve('uplot/package.json')
  const bundle = await rolldown({
    input: join(source, 'main.ts'),
    platform: 'browser',
    tsconfig: join(source, 'tsconfig.json'),
  })
  const { output } = await bundle.generate({ format: 'iife', minify: true })
  await bundle.close()
  const styles = [
    join(library, '../dist/uPlot.min.css'),
    ...STYLES.map((name) => join(source, 'styles', `${name}.css`)),
  ]
  const style = styles.map((path) => shortened(readFileSync(path, 'utf8'))).join('')
  // It must not end the element that it stands in, and what it would do there it does as well when it is written like this.
  const script = output[0].code.trim().replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
  // Nothing else runs, and nothing is asked for anywhere.
  const policy = `default-src 'none'; connect-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; img-src data:; base-uri 'none'; form-action 'none'`
  const license = readFileSync(join(library, '../LICENSE'), 'utf8').trim()
  const parts = {
    'content="csp"': `content="${policy}"`,
    '<!--licenses-->': `<!--\nuPlot: ${license}\n-->`,
    '<!--style-->': `<style>${style}</style>`,
    '<!--script-->': `<script>${script}</script>`,
  }
  let page = readFileSync(join(source, 'page.html'), 'utf8')
  for (const [mark, text] of Object.entries(parts)) page = page.replace(mark, () => text)
  writeFileSync(file, page)
}

function hashOf(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

function shortened(css) {
  return css
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/\s*\n\s*/g, '')
    .replaceAll(/\s*([{};,])\s*/g, '$1')
    .replaceAll(': ', ':')
}
