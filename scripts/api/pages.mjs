// The pages of docs/api/: one for each entry of the package, and one that leads to them.
import { gapsOf, readEntries } from './model.mjs'

/** The rooms that symbols come from, in reading order, and what they are about. */
const TOPICS = {
  process: 'One command',
  dispatch: 'Many tasks',
  task: 'Tasks, results and errors',
  pool: 'Workers that stay',
  executive: 'A function for each item, and daemons',
  journal: 'The journal',
  blocks: 'Streams cut into tasks',
  input: 'Input',
  jobserver: 'One limit for the machine',
  admission: 'One limit for the machine',
  named: 'One limit for the machine',
  slots: 'One limit for the machine',
  control: 'Looking at runs and steering them',
  observe: 'Watching runs from within',
  opentelemetry: 'OpenTelemetry',
  ssh: 'On other machines',
  launcher: 'Launchers of your own',
  worker: 'Inside a worker',
  fleet: 'Queues and workers',
  'private-server': 'A server of one’s own',
  trust: 'Whom to trust',
  dashboard: 'Seeing it run',
}

const INTRODUCTIONS = {
  drover:
    'The library: everything but what is inside a worker, and what needs a queue. [In a program](../library.md) shows how it is used.',
  worker: 'What a worker of a pool imports. [Workers that stay](../pools.md) shows how it is used.',
  fleet:
    'The same tasks on many machines, through Redis or PostgreSQL. [Many machines](../fleet.md) shows how it is used.',
  opentelemetry:
    'Spans and measurements other than those that are made by themselves. [Watching a program’s runs](../observability.md#opentelemetry) shows how it is used.',
}

/**
 * All pages by their file names.
 *
 * @param {string} root - of the package, built.
 */
export function makePages(root) {
  const entries = readEntries(root)
  const pages = Object.fromEntries(entries.map((entry) => [`${entry.page}.md`, pageOf(entry, linker(entry, entries))]))
  return { pages: { 'README.md': contentsPage(entries), ...pages }, gaps: gapsOf(entries) }
}

/** @param {import('./model.mjs').Entry[]} entries */
function contentsPage(entries) {
  const lines = entries.map(
    ({ specifier, page, symbols }) =>
      `- [\`${specifier}\`](${page}.md), ${symbols.length} names: ${introductionOf(page)}`,
  )
  return `${[
    '# All of the library, name by name',
    'Made from the comments in the source by `npm run docs`, and held against them by a test. Options are one object, last; what ends in `Ms` is milliseconds, in `Bytes` bytes;',
    'all is optional that has a `?`. What a function throws on purpose is a [`DroverError`](drover.md#drovererror) with a stable `code`.',
    '',
    ...lines,
    '',
    'Next: [Guarantees](../guarantees.md)',
  ].join('\n')}\n`
}

/** @param {string} page */
function introductionOf(page) {
  return INTRODUCTIONS[/** @type {keyof INTRODUCTIONS} */ (page)] ?? ''
}

/** @typedef {{ name: (name: string, shown?: string) => string, text: (text: string) => string, typesOf: (signature: string, but: string) => string[] }} Linker */

/** @param {import('./model.mjs').Entry} entry @param {Linker} link */
function pageOf({ specifier, page, symbols }, link) {
  const topics = topicsOf(symbols)
  const contents = topics.map(
    ({ title, members }) => `- ${title}: ${members.map(({ name }) => link.name(name)).join(' · ')}`,
  )
  const sections = topics.flatMap(({ title, members }) => [
    `## ${title}`,
    ...members.map((symbol) => sectionOf(symbol, link)),
  ])
  return `${[`# \`${specifier}\``, introductionOf(page), contents.join('\n'), ...sections, 'Back to [all entries](README.md)'].filter((part) => part !== '').join('\n\n')}\n`
}

const KINDS = ['function', 'class', 'const', 'interface', 'type']

/** @param {import('./model.mjs').Symbol[]} symbols */
function topicsOf(symbols) {
  /** @type {Map<string, import('./model.mjs').Symbol[]>} */
  const byTitle = new Map(Object.values(TOPICS).map((title) => [title, []]))
  for (const symbol of symbols) {
    const title = TOPICS[/** @type {keyof TOPICS} */ (symbol.room)] ?? 'More'
    byTitle.set(title, [...(byTitle.get(title) ?? []), symbol])
  }
  const order = (/** @type {import('./model.mjs').Symbol} */ { kind, name }) =>
    `${KINDS.indexOf(kind)}${name.toLowerCase()}`
  return [...byTitle]
    .filter(([, members]) => members.length > 0)
    .map(([title, members]) => ({ title, members: members.sort((a, b) => (order(a) < order(b) ? -1 : 1)) }))
}

/**
 * The anchors that GitHub gives the headings of a page: letters of either case are the same, and what comes again gets a number.
 *
 * @param {import('./model.mjs').Symbol[]} symbols
 */
function anchorsOf(symbols) {
  /** @type {Map<string, number>} */
  const seen = new Map()
  const names = topicsOf(symbols).flatMap(({ title, members }) => [
    title.replaceAll(' ', '-'),
    ...members.map(({ name }) => name),
  ])
  const anchors = names.map((name) => {
    const anchor = name.toLowerCase()
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return /** @type {const} */ ([name, count === 0 ? anchor : `${anchor}-${count}`])
  })
  return new Map(anchors)
}

/**
 * Knows where names are, on this page or another.
 *
 * @param {import('./model.mjs').Entry} own
 * @param {import('./model.mjs').Entry[]} entries
 * @returns {Linker}
 */
function linker(own, entries) {
  /** @type {Map<string, string>} */
  const places = new Map()
  for (const { page, symbols } of [...entries.filter((entry) => entry !== own).reverse(), own])
    for (const [name, anchor] of anchorsOf(symbols))
      places.set(name, `${page === own.page ? '' : `${page}.md`}#${anchor}`)
  const linked = (/** @type {string} */ name, shown = name) => `[${shown}](${places.get(name)})`
  return {
    name: linked,
    text: (text) =>
      text
        .replace(/\{@link\s+([^}\s|]+)\s*\|?\s*([^}]*)\}/g, (_, target, words) => {
          const [name] = target.split('.')
          const shown = `\`${words.trim() || target}\``
          return places.has(name) ? linked(name, shown) : shown
        })
        .replace(/(?<![\w`[])\w+Error(?![\w`\]])/g, (name) => (places.has(name) ? linked(name) : name)),
    typesOf: (signature, but) => {
      const names = new Set(signature.match(/\b[A-Z]\w+/g))
      return [...names].filter((name) => name !== but && places.has(name)).map((name) => linked(name))
    },
  }
}

/** @param {import('./model.mjs').Symbol} symbol @param {Linker} link */
function sectionOf({ name, signature, comment, members, parents }, link) {
  const types = link.typesOf(signature, name)
  const code = `\`\`\`ts\n${foldSignature(signature)}\n\`\`\`${types.length === 0 ? '' : `\n\n${types.join(' · ')}`}`
  const parts = [`### ${name}`, code, ...commentParts(comment, link)]
  if (members.length > 0) parts.push(members.map((member) => memberLine(member, link)).join('\n'))
  if (parents.length > 0) parts.push(`Besides, ${parents.map((each) => parentLink(each, link)).join('; ')}.`)
  return parts.join('\n\n')
}

/** @param {string} parent @param {Linker} link */
function parentLink(parent, link) {
  const [, name = parent, rest = ''] = /^(\w+)(.*)$/s.exec(parent) ?? []
  const linked = link.name(name, `\`${name}\``)
  return rest.startsWith(':') ? `of ${linked} ${rest.slice(2)}` : `all of ${linked}`
}

/** @param {import('./doc-comments.mjs').Comment} comment @param {Linker} link @returns {string[]} */
function commentParts({ text, typeParams, params, returns, throws, examples }, link) {
  const list = [
    ...[...typeParams, ...params].map((each) => `- \`${each.name}\`: ${flow(link.text(each.text))}`),
    ...(returns === '' ? [] : [`- returns ${flow(link.text(returns))}`]),
    ...throws.map((each) => `- throws ${flow(link.text(each))}`),
  ]
  return [
    ...(text === '' ? [] : [diagrams(link.text(text))]),
    ...(list.length === 0 ? [] : [list.join('\n')]),
    ...examples.map((each) => `\`\`\`js\n${each}\n\`\`\``),
  ]
}

/** @param {import('./model.mjs').Member} member @param {Linker} link */
function memberLine({ signature, comment }, link) {
  const head = signature
    .split('\n')
    .map((line) => `\`${line.replaceAll('`', "'")}\``)
    .join('<br>')
  const types = link.typesOf(signature, '').map((type) => ` ${type}`)
  const [text = '', ...rest] = commentParts(comment, link)
  const more = rest.map((part) => `\n\n${indent(part)}`).join('')
  return `- ${head}${types.join(' ·')}<br>\n${indent(text)}${more}`
}

/** @param {string} text */
function indent(text) {
  return text.replace(/^(?=.)/gm, '  ')
}

/** @param {string} text */
function flow(text) {
  return text.replace(/\s*\n\s*/g, ' ')
}

/** What is indented in a comment is a drawing. @param {string} text */
function diagrams(text) {
  return text
    .replace(/(?:^|\n\n)((?: {2,}.*(?:\n|$))+)/g, (_, drawing) => `\n\n\`\`\`text\n${drawing.trimEnd()}\n\`\`\`\n`)
    .trim()
}

/** One parameter a line, where all in one would be too long. @param {string} signature */
function foldSignature(signature) {
  return signature
    .split('\n')
    .map((line) => {
      const parts = /^(function [^(]*\()(.*)(\): .*)$/.exec(line)
      if (line.length <= 110 || parts === null) return line
      return `${parts[1]}\n${splitParameters(parts[2] ?? '')
        .map((each) => `  ${each},`)
        .join('\n')}\n${parts[3]}`
    })
    .join('\n')
}

/** @param {string} text */
function splitParameters(text) {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if ('({[<'.includes(character)) depth += 1
    if (')}]'.includes(character)) depth -= 1
    if (character === '>' && !parts.at(-1)?.endsWith('=')) depth -= 1
    if (character === ',' && depth === 0) parts.push('')
    else parts.push((parts.pop() ?? '') + character)
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}
