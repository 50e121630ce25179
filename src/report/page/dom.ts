type Child = Node | string | null

export interface Attributes {
  readonly [name: string]: string | number | boolean | undefined
}

/**
 * An element with its children. Strings become text and never markup, and no attribute that would run something can be given, so that what
 * tasks are called and have printed is only ever shown.
 */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    made.setAttribute(attribute, value === true ? '' : String(value))
  }
  made.append(...children.filter((child) => child !== null))
  return made
}

/** An element of the page that is there from the beginning. */
export function part<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`this page lacks its #${id}`)
  return found as Type
}

/** Calls it once for many requests, before the next frame is drawn. */
export function oncePerFrame(draw: () => void): () => void {
  let asked = false
  return () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      draw()
    })
  }
}

/** Calls it when no more requests have come for some milliseconds. */
export function afterQuiet(ms: number, call: () => void): () => void {
  let timer = 0
  return () => {
    clearTimeout(timer)
    timer = window.setTimeout(call, ms)
  }
}
