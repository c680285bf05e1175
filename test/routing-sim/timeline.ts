/** Virtual time: things happen in the order of their moments, and in the order they were planned where those are equal. */
export interface Timeline {
  readonly now: () => number
  readonly at: (time: number, action: () => void) => void
  readonly after: (ms: number, action: () => void) => void
  readonly runUntil: (end: number) => void
}

interface Planned {
  readonly time: number
  readonly order: number
  readonly action: () => void
}

/** A time that stands still until it is run. */
export function createTimeline(start: number): Timeline {
  const heap: Planned[] = []
  let time = start
  let order = 0

  const isBefore = (a: Planned, b: Planned) => a.time < b.time || (a.time === b.time && a.order < b.order)

  const push = (planned: Planned) => {
    let index = heap.length
    heap.push(planned)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, planned)) break
      heap[index] = above
      index = parent
    }
    heap[index] = planned
  }

  const pop = (): Planned | undefined => {
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (isBefore(last, child)) break
      heap[index] = child
      index = 2 * index + (isRight ? 2 : 1)
    }
    heap[index] = last
    return first
  }

  const at = (moment: number, action: () => void) => push({ time: Math.max(moment, time), order: order++, action })
  return {
    now: () => time,
    at,
    after: (ms, action) => at(time + ms, action),
    runUntil(end) {
      for (;;) {
        const [next] = heap
        if (next === undefined || next.time > end) break
        pop()
        time = next.time
        next.action()
      }
      time = end
    },
  }
}
