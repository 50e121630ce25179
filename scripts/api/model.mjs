// What the package exports, read from the declarations that are built: entries, their symbols, and the members of these.
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Node, Project, ts } from 'ts-morph'
import { commentOf, memberComment, membersOf } from './doc-comments.mjs'

/**
 * @typedef {{ name: string, signature: string, isMethod: boolean, comment: import('./doc-comments.mjs').Comment }} Member
 * @typedef {{ name: string, kind: 'function' | 'class' | 'interface' | 'type' | 'const', room: string, signature: string,
 *   comment: import('./doc-comments.mjs').Comment, members: Member[], parents: string[] }} Symbol
 * @typedef {{ specifier: string, page: string, symbols: Symbol[] }} Entry
 */

/** @param {string} root - of the package. @returns {Entry[]} */
export function readEntries(root) {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const { NodeNext: module } = ts.ModuleKind
  const compilerOptions = { module, skipLibCheck: true, types: ['node'], lib: ['lib.esnext.d.ts'] }
  const project = new Project({ compilerOptions, skipAddingFilesFromTsConfig: true })
  const files = Object.entries(exports)
    .filter(([, target]) => typeof target.types === 'string')
    .map(([path, target]) => ({ path, file: project.addSourceFileAtPath(join(root, target.types)) }))
  project.resolveSourceFileDependencies()
  return files.map(({ path, file }) => {
    const page = path === '.' ? name : path.slice(2)
    const exported = file.getExportedDeclarations()
    const names = new Set(exported.keys())
    const symbols = [...exported].map(([symbol, declarations]) => readSymbol(symbol, declarations, names))
    return { specifier: path === '.' ? name : `${name}/${page}`, page, symbols }
  })
}

/** What has no comment, as `drover: Task.id`. @param {Entry[]} entries */
export function gapsOf(entries) {
  return entries.flatMap(({ specifier, symbols }) =>
    symbols.flatMap(({ name, comment, members }) => [
      ...(comment.text === '' ? [`${specifier}: ${name}`] : []),
      ...members
        .filter((member) => member.name !== 'constructor' && member.comment.text === '')
        .map((member) => `${specifier}: ${name}.${member.name}`),
    ]),
  )
}

/** @param {string} name @param {import('ts-morph').Node[]} declarations @param {Set<string>} names @returns {Symbol} */
function readSymbol(name, declarations, names) {
  const [first] = declarations
  const room = basename(dirname(/** @type {import('ts-morph').Node} */ (first).getSourceFile().getFilePath()))
  const common = { name, room, comment: commentOf(declarations), members: [], parents: [] }
  if (Node.isClassDeclaration(first) || Node.isInterfaceDeclaration(first)) {
    const kind = Node.isClassDeclaration(first) ? 'class' : 'interface'
    const { members, parents } = inherited(first, names)
    return { ...common, kind, signature: headOf(first), members: [...ownMembers(first), ...members], parents }
  }
  if (Node.isFunctionDeclaration(first)) {
    const signature = declarations.map((each) => tidy(each.getText().replace(/^export declare /, ''))).join('\n')
    return { ...common, kind: 'function', signature }
  }
  if (Node.isVariableDeclaration(first))
    return { ...common, kind: 'const', signature: `const ${tidy(first.getText())}` }
  return { ...common, kind: 'type', signature: tidy(first?.getText().replace(/^export (declare )?/, '') ?? '') }
}

/** @param {import('ts-morph').ClassDeclaration | import('ts-morph').InterfaceDeclaration} declaration */
function headOf(declaration) {
  const [head] = declaration.getText().split('{\n')
  return tidy((head ?? '').replace(/^export (declare )?/, '').replace(/\s*\{\s*\}?$/, ''))
}

/** @param {import('ts-morph').Node} owner @returns {Member[]} */
function ownMembers(owner) {
  /** @type {Map<string, import('ts-morph').Node[]>} */
  const byName = new Map()
  for (const member of membersOf(owner)) {
    const name = Node.isConstructorDeclaration(member) ? 'constructor' : /** @type {any} */ (member).getName?.()
    if (name === undefined || name.startsWith('#') || /** @type {any} */ (member).hasModifier?.('private')) continue
    // That of an error's class, which says it already.
    if (name === 'name' && Node.isClassDeclaration(owner) && /\bextends (\w*Error)\b/.test(headOf(owner))) continue
    byName.set(name, [...(byName.get(name) ?? []), member])
  }
  return [...byName].map(([name, declarations]) => readMember(name, declarations)).filter(isShown)
}

/** Constructors tell their own story only where they tell one. @param {Member} member */
function isShown({ name, comment }) {
  return !comment.isInternal && (name !== 'constructor' || comment.text !== '' || comment.params.length > 0)
}

/** @param {string} name @param {import('ts-morph').Node[]} declarations @returns {Member} */
function readMember(name, declarations) {
  const [first] = declarations
  const isMethod =
    Node.isMethodDeclaration(first) || Node.isMethodSignature(first) || Node.isConstructorDeclaration(first)
  const comment = memberComment(declarations)
  if (isMethod)
    return { name, isMethod, comment, signature: declarations.map((each) => tidy(each.getText())).join('\n') }
  const { isSettable, optional, type } = propertyOf(declarations)
  return {
    name,
    isMethod,
    comment,
    signature: `${name}${optional ? '?' : ''}: ${type}${isSettable ? ' (may be set)' : ''}`,
  }
}

/** @param {import('ts-morph').Node[]} declarations */
function propertyOf(declarations) {
  const first = /** @type {any} */ (declarations[0])
  const isAccessor = Node.isGetAccessorDeclaration(first) || Node.isSetAccessorDeclaration(first)
  const node = isAccessor ? first.getReturnTypeNode?.() : first.getTypeNode?.()
  const optional = !isAccessor && first.hasQuestionToken?.() === true
  const type = tidy(node?.getText() ?? first.getType().getText(first))
  // Of other properties it goes without saying, since only options are set by their users.
  const isSettable = isAccessor && declarations.length > 1
  const bare = optional ? type.replace(/ \| undefined$/, '') : type
  return { isSettable, optional, type: bare.replace(/^\((\(.*\) => [^()]*)\)$/, '$1') }
}

/**
 * What is inherited: from types of the same page by their names, from all others in full.
 *
 * @param {import('ts-morph').ClassDeclaration | import('ts-morph').InterfaceDeclaration} declaration
 * @param {Set<string>} names
 * @returns {{ members: Member[], parents: string[] }}
 */
function inherited(declaration, names) {
  if (Node.isClassDeclaration(declaration)) return { members: [], parents: [] }
  const members = []
  const parents = []
  const own = new Set(declaration.getMembers().map((member) => /** @type {any} */ (member).getName?.()))
  for (const base of declaration.getExtends()) {
    if (names.has(base.getText().replace(/<.*/s, ''))) {
      parents.push(base.getText())
      continue
    }
    /** @type {Map<string, string[]>} */
    const elsewhere = new Map()
    for (const property of base.getType().getProperties()) {
      const declarations = property.getDeclarations()
      if (own.has(property.getName()) || !declarations.some(isOfPackage)) continue
      const owner = declarations[0]?.getParentIfKind(ts.SyntaxKind.InterfaceDeclaration)?.getName() ?? ''
      if (!names.has(owner)) members.push(readMember(property.getName(), declarations))
      else elsewhere.set(owner, [...(elsewhere.get(owner) ?? []), property.getName()])
    }
    for (const [owner, taken] of elsewhere)
      parents.push(
        `${owner}: ${taken
          .sort()
          .map((each) => `\`${each}\``)
          .join(', ')}`,
      )
  }
  return { members, parents }
}

/** Whether it is none of what TypeScript or Node bring. @param {import('ts-morph').Node} declaration */
function isOfPackage(declaration) {
  return !declaration.getSourceFile().getFilePath().includes('/node_modules/')
}

/** A signature without comments and in one line, as who calls it sees it. @param {string} text */
function tidy(text) {
  const bare = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .trim()
    .replace(/;$/, '')
  const line = bare.replace(/\s*\n\s*/g, ' ').replace(/;\s*\}/g, ' }')
  return line
    .replace(/\bimport\("[^"]*"\)\./g, '')
    .replace(
      /([(,] ?)\{[^{}]*\}(\??): (\w+)?/g,
      (_, before, mark, type = '') => `${before}${parameterName(type)}${mark}: ${type}`,
    )
    .replace(/\breadonly (?!(?:[\w.]+(?:<[^>]*>)?|\([^()]*\))\[\])/g, '')
    .trim()
}

/** For a parameter that is taken apart, and has no name of its own. @param {string} type */
function parameterName(type) {
  if (type === '' || /(Options|Sources)$/.test(type)) return 'options'
  const word = /[A-Z][a-z]*$/.exec(type)?.[0] ?? 'options'
  return word.toLowerCase()
}
