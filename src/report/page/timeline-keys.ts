import type { Timeline } from './timeline.js'

/** Lets keys do what the pointer does, while the timeline has the focus. */
export function onTimelineKeys(timeline: Timeline): void {
  const { view, onChoose } = timeline.parts
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => view.pan(-0.15),
    ArrowRight: () => view.pan(0.15),
    ArrowUp: () => timeline.scrollBy(-3),
    ArrowDown: () => timeline.scrollBy(3),
    '+': () => view.zoom(0.5),
    '=': () => view.zoom(0.5),
    '-': () => view.zoom(2),
    _: () => view.zoom(2),
    '0': () => view.showAll(),
    Home: () => view.showAll(),
    '.': () => timeline.step(1),
    ',': () => timeline.step(-1),
    Enter: () => {
      if (timeline.marked !== -1) onChoose(timeline.marked)
    },
    Escape: () => timeline.hover(-1, 0, 0),
  }
  timeline.canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const action = keys[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  })
  timeline.canvas.addEventListener('blur', () => timeline.hover(-1, 0, 0))
}
