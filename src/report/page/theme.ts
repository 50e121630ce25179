import { PAGE_STATES, type PageState } from './states.js'

type Choice = 'auto' | 'light' | 'dark'
const CHOICES: readonly Choice[] = ['auto', 'light', 'dark']
const KEPT_AS = 'drover-report-theme'

/** Colors of the page, for what is drawn. */
export interface Colors {
  readonly text: string
  readonly faint: string
  readonly grid: string
  readonly surface: string
  readonly accent: string
  readonly accentFill: string
  readonly second: string
  /** By the place of the state. */
  readonly states: readonly string[]
  /** For text upon these. */
  readonly onStates: readonly string[]
}

/** Light or dark: as the system says, or as was chosen here. */
export class Theme {
  readonly #listeners: ((colors: Colors) => void)[] = []
  #choice: Choice = kept()
  colors: Colors

  constructor(button: HTMLButtonElement) {
    this.#apply(button)
    this.colors = readColors()
    const update = () => {
      this.colors = readColors()
      for (const listener of this.#listeners) listener(this.colors)
    }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', update)
    button.addEventListener('click', () => {
      this.#choice = CHOICES[(CHOICES.indexOf(this.#choice) + 1) % CHOICES.length]!
      this.#apply(button)
      keep(this.#choice)
      update()
    })
  }

  onChange(listener: (colors: Colors) => void): void {
    this.#listeners.push(listener)
  }

  #apply(button: HTMLButtonElement): void {
    if (this.#choice === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = this.#choice
    button.textContent = { auto: 'Theme: auto', light: 'Theme: light', dark: 'Theme: dark' }[this.#choice]
  }
}

function readColors(): Colors {
  // What a property says is either of two; what an element has got from it is one.
  const probe = document.createElement('i')
  probe.hidden = true
  document.body.append(probe)
  const color = (name: string) => {
    probe.style.color = `var(--${name})`
    return getComputedStyle(probe).color
  }
  const ofStates = (name: (state: PageState) => string) => PAGE_STATES.map((state) => color(name(state)))
  const colors = {
    text: color('text'),
    faint: color('faint'),
    grid: color('grid'),
    surface: color('surface'),
    accent: color('accent'),
    accentFill: color('accent-fill'),
    second: color('second'),
    states: ofStates((state) => `state-${state}`),
    onStates: ofStates((state) => `on-${state}`),
  }
  probe.remove()
  return colors
}

/** A browser may keep nothing for pages from files. */
function kept(): Choice {
  try {
    const choice = localStorage.getItem(KEPT_AS) as Choice
    return CHOICES.includes(choice) ? choice : 'auto'
  } catch {
    return 'auto'
  }
}

function keep(choice: Choice): void {
  try {
    localStorage.setItem(KEPT_AS, choice)
  } catch {
    // It holds until the page is closed.
  }
}
