// What doc comments say, and where one holds for a declaration that has none of its own.
import { Node } from 'ts-morph'

/**
 * @typedef {{ text: string, params: { name: string, text: string }[], typeParams: { name: string, text: string }[], returns: string, throws: string[],
 *   examples: string[], isInternal: boolean }} Comment
 */

/** @param {import('ts-morph').Node} declaration */
function jsDocsOf(declaration) {
  const holder = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : declaration
  return /** @type {import('ts-morph').JSDoc[]} */ (holder?.getJsDocs?.() ?? [])
}

/**
 * The comment of a declaration itself; with several of one name, what all of them say.
 *
 * @param {readonly import('ts-morph').Node[]} declarations
 * @returns {Comment}
 */
export function commentOf(declarations) {
  const docs = declarations.flatMap(jsDocsOf)
  /** @type {Comment} */
  const comment = { text: '', params: [], typeParams: [], returns: '', throws: [], examples: [], isInternal: false }
  comment.text = docs
    .map((doc) => plain(doc.getDescription()))
    .join('\n\n')
    .trim()
  for (const tag of docs.flatMap((doc) => doc.getTags())) {
    const text = plain(tag.getCommentText() ?? '').replace(/^-\s*/, '')
    const named = () => {
      const [, name = '', rest = ''] = /^\s*@\w+\s+(\S+)\s*-?\s*(.*)$/s.exec(plainTag(tag.getText())) ?? []
      return { name, text: plain(rest) }
    }
    if (tag.getTagName() === 'param') comment.params.push(named())
    else if (tag.getTagName() === 'typeParam') comment.typeParams.push(named())
    else if (tag.getTagName() === 'returns') comment.returns = text
    else if (tag.getTagName() === 'throws') comment.throws.push(throwsText(tag))
    else if (tag.getTagName() === 'example') comment.examples.push(text)
    else if (tag.getTagName() === 'internal') comment.isInternal = true
  }
  return comment
}

/** The parser takes the first word for a type. @param {import('ts-morph').JSDocTag} tag */
function throwsText(tag) {
  return plain(plainTag(tag.getText()).replace(/^\s*@throws\s+/, ''))
}

/** @param {string} source */
function plainTag(source) {
  return source.replace(/\*\/\s*$/, '').replace(/^\s*\* ?/gm, '')
}

/** @param {string} text */
function plain(text) {
  return text.replace(/\r/g, '').trim()
}

/**
 * The comment of a member; without one of its own, that of what it implements or overrides.
 *
 * @param {readonly import('ts-morph').Node[]} declarations
 */
export function memberComment(declarations) {
  const own = commentOf(declarations)
  const [declaration] = declarations
  if (own.text !== '' || declaration === undefined) return own
  const name = /** @type {any} */ (declaration).getName?.()
  for (const base of basesOf(declaration.getParent())) {
    const members = membersOf(base).filter((member) => /** @type {any} */ (member).getName?.() === name)
    const inherited = members.length === 0 ? null : memberComment(members)
    if (inherited !== null && inherited.text !== '') return inherited
  }
  return own
}

/** @param {import('ts-morph').Node | undefined} owner @returns {import('ts-morph').Node[]} */
function basesOf(owner) {
  if (owner === undefined) return []
  const expressions = Node.isClassDeclaration(owner)
    ? [owner.getExtends(), ...owner.getImplements()]
    : Node.isInterfaceDeclaration(owner)
      ? owner.getExtends()
      : []
  return expressions.flatMap((each) => each?.getType().getSymbol()?.getDeclarations() ?? [])
}

/** @param {import('ts-morph').Node} owner @returns {import('ts-morph').Node[]} */
export function membersOf(owner) {
  if (Node.isClassDeclaration(owner) || Node.isInterfaceDeclaration(owner)) return owner.getMembers()
  return []
}
