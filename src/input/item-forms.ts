/** What a placeholder makes of an item: `{}`, `{.}`, `{/}`, `{//}` and `{/.}`, as in GNU parallel. */
export type Form = '' | '.' | '/' | '//' | '/.'

/** Longest first, so that the end of `{2//}` is not read as `/`. */
export const FORMS: readonly Exclude<Form, ''>[] = ['/.', '//', '/', '.']

/** The form of an item; works alike on text and on strings of one character for each byte. */
export function formOf(item: string, form: Form): string {
  switch (form) {
    case '':
      return item
    case '.':
      return withoutExtension(item)
    case '/':
      return basename(item)
    case '//':
      return dirname(item)
    case '/.':
      return withoutExtension(basename(item))
  }
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function withoutExtension(path: string): string {
  const dot = path.lastIndexOf('.')
  return dot > path.lastIndexOf('/') ? path.slice(0, dot) : path
}

/** Slashes at the end don't count: the directory of `a/b/` is `a`. Of a bare name it is `.`. */
function dirname(path: string): string {
  const name = withoutSlashes(path)
  const slash = name.lastIndexOf('/')
  if (slash < 0) return path.startsWith('/') ? '/' : '.'
  return withoutSlashes(name.slice(0, slash)) || '/'
}

function withoutSlashes(path: string): string {
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return path.slice(0, end)
}
