/** About how many characters a value takes as JSON; counted only as far as `most`, and without recursion. */
export function sizeUpTo(value: unknown, most: number): number {
  let size = 0
  const left = [value]
  while (left.length > 0 && size <= most) {
    const next = left.pop()
    size += typeof next === 'string' ? next.length + 2 : 4
    if (typeof next !== 'object' || next === null) continue
    for (const name in next) {
      size += name.length
      left.push((next as Record<string, unknown>)[name])
      if (size + left.length > most) return most + 1
    }
  }
  return size
}
