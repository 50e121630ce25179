import { readFileSync } from 'node:fs'

/** From src/report, and from dist/. */
const PLACES = ['../package.json', '../../package.json']

/** The version of this package; empty where it is not to be found, as in a program that was bundled. */
export function packageVersion(): string {
  for (const place of PLACES) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'))
      if (name === 'drover') return version
    } catch {
      // The next place may have it.
    }
  }
  return ''
}
