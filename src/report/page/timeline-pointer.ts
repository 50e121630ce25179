import type { Timeline } from './timeline.js'

/** A pointer that has moved less has only clicked, in pixels. */
const CLICK = 4
/** Pixels of the wheel after which a span is twice as long, or half. */
const WHEEL_OCTAVE = 240

/** Hovering, clicking, zooming by the wheel or by drawing a span; dragging with Shift or a finger moves. */
export function onTimelinePointer(timeline: Timeline): void {
  const { canvas } = timeline
  const { view, onChoose } = timeline.parts
  let from: number | null = null
  let before = 0
  let pans = false
  const placeOf = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return
    const { x } = placeOf(event)
    from = before = x
    pans = event.shiftKey || event.pointerType === 'touch'
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener('pointermove', (event) => {
    const { x, y } = placeOf(event)
    if (from === null) {
      timeline.pointAt(x, y)
      return
    }
    if (Math.abs(x - from) < CLICK && timeline.selected === null && !pans) return
    timeline.hover(-1, 0, 0)
    if (pans) {
      view.show(
        view.from - timeline.timeAt(x) + timeline.timeAt(before),
        view.to - timeline.timeAt(x) + timeline.timeAt(before),
      )
      before = x
      return
    }
    timeline.selected = [from, x]
    timeline.draw()
  })
  canvas.addEventListener('pointerup', (event) => {
    const { x, y } = placeOf(event)
    const begun = from
    const drawn = timeline.selected
    from = null
    timeline.selected = null
    if (drawn !== null) {
      const [a, b] = [timeline.timeAt(Math.min(...drawn)), timeline.timeAt(Math.max(...drawn))]
      view.show(a, b)
    } else if (begun !== null && Math.abs(x - begun) < CLICK) {
      const at = timeline.pointAt(x, y)
      if (at !== -1) onChoose(at)
    }
    timeline.draw()
  })
  canvas.addEventListener('pointercancel', () => {
    from = null
    timeline.selected = null
    timeline.draw()
  })
  canvas.addEventListener('pointerleave', () => {
    if (from === null) timeline.hover(-1, 0, 0)
  })
  canvas.addEventListener('dblclick', () => view.showAll())
  canvas.addEventListener(
    'wheel',
    (event) => {
      const { x } = placeOf(event)
      const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)
      // What is seen whole leaves the wheel to the page.
      if (view.isWhole && (isSideways || event.deltaY > 0) && !event.ctrlKey) return
      if (x < timeline.layout.left) return
      event.preventDefault()
      const pixels = event.deltaMode === 1 ? 16 : 1
      if (isSideways) view.pan(((event.deltaX || event.deltaY) * pixels) / timeline.layout.width)
      else view.zoom(2 ** ((event.deltaY * pixels) / WHEEL_OCTAVE), timeline.timeAt(x))
    },
    { passive: false },
  )
}
